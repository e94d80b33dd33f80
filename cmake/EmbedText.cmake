# polyformer_embed_text(TARGET FILE SYMBOL HEADER): adds to TARGET a source that defines
# `const std::string_view polyformer::train::SYMBOL`, declared in HEADER, as the text of FILE; made again when FILE changes.
# As a script (cmake -DFILE= -DOUTPUT= -DSYMBOL= -DHEADER= -P EmbedText.cmake) it writes that source.
if(CMAKE_SCRIPT_MODE_FILE)
    file(READ "${FILE}" text)
    # One raw string a line: no line of ours holds the closing mark, and no literal becomes too long for a compiler.
    if(text MATCHES "\\)line\"")
        message(FATAL_ERROR "${FILE} contains )line\", which ends a raw string of the source made from it")
    endif()
    string(REPLACE "\n" "\n)line\"\n    R\"line(" text "${text}")
    file(WRITE "${OUTPUT}" "// Made from ${FILE} by EmbedText.cmake.\n#include \"${HEADER}\"\n\n"
                           "namespace polyformer::train {\n\n"
                           "const std::string_view ${SYMBOL} =\n    R\"line(${text})line\";\n\n}\n")
    return()
endif()

set(POLYFORMER_EMBED_TEXT_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(polyformer_embed_text target file symbol header)
    set(input ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cpp)
    add_custom_command(
        OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -DFILE=${input} -DOUTPUT=${output} -DSYMBOL=${symbol} -DHEADER=${header} -P
                ${POLYFORMER_EMBED_TEXT_SCRIPT}
        DEPENDS ${input} ${POLYFORMER_EMBED_TEXT_SCRIPT}
        COMMENT "Embedding ${file}"
        VERBATIM)
    target_sources(${target} PRIVATE ${output})
endfunction()
