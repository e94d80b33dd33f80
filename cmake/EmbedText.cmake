# polyformer_embed_text(TARGET FILE SYMBOL HEADER NAMESPACE): adds to TARGET a source that defines
# `const std::string_view NAMESPACE::SYMBOL`, declared in HEADER, as the text of FILE; made again when FILE changes.
# As a script (cmake -DFILE= -DOUTPUT= -DSYMBOL= -DHEADER= -DNAMESPACE= -P EmbedText.cmake) it writes that source.
if(CMAKE_SCRIPT_MODE_FILE)
    # Characters one by one: a string literal of more than 64 KiB is beyond what compilers need to take.
    file(READ "${FILE}" bytes HEX)
    string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
    file(WRITE "${OUTPUT}" "// Made from ${FILE} by EmbedText.cmake.\n#include \"${HEADER}\"\n\n"
                           "namespace ${NAMESPACE} {\n\nnamespace {\nconstexpr char bytes[] = {${bytes}};\n}\n\n"
                           "const std::string_view ${SYMBOL}(bytes, sizeof bytes);\n\n}\n")
    return()
endif()

set(POLYFORMER_EMBED_TEXT_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(polyformer_embed_text target file symbol header namespace)
    set(input ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cpp)
    add_custom_command(
        OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -DFILE=${input} -DOUTPUT=${output} -DSYMBOL=${symbol} -DHEADER=${header}
                -DNAMESPACE=${namespace} -P ${POLYFORMER_EMBED_TEXT_SCRIPT}
        DEPENDS ${input} ${POLYFORMER_EMBED_TEXT_SCRIPT}
        COMMENT "Embedding ${file}"
        VERBATIM)
    target_sources(${target} PRIVATE ${output})
endfunction()
