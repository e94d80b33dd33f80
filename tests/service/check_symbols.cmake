# Fails when PROGRAM (or a module), or a shared library of ours that it loads, holds a symbol of the client's side; or when the check
# itself would see nothing.
# WANTED: of a symbol that must be there; by default one that every server has.
if(NOT WANTED)
    set(WANTED read_evaluation_keys)
endif()
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${PROGRAM} RESOLVED_DEPENDENCIES_VAR libraries
     UNRESOLVED_DEPENDENCIES_VAR unresolved)
list(FILTER libraries INCLUDE REGEX "/libpolyformer_[^/]*$")
execute_process(COMMAND ${NM} ${PROGRAM} ${libraries} OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${NM} could not list the symbols of ${PROGRAM}")
endif()
if(NOT symbols MATCHES "10polyformer[^\n]*${WANTED}")
    message(FATAL_ERROR "${PROGRAM} holds no symbol of ${WANTED}, which it needs: is it stripped?")
endif()
foreach(name SecretKey KeyGenerator read_secret_key decrypt sample_ternary)
    string(REGEX MATCH "[^\n]*10polyformer[^\n]*${name}[^\n]*" found "${symbols}")
    if(found)
        message(FATAL_ERROR "${PROGRAM} holds a symbol of the client's side: ${found}")
    endif()
endforeach()
