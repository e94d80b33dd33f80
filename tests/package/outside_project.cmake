# Builds and runs the project in outside/. WAY: installed or subdirectory.
function(run)
    execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${WORK} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(configure ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/outside -B ${WORK}/build -G ${GENERATOR}
              -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})

if(WAY STREQUAL "subdirectory")
    # Only the scheme, which the client links, and hardly optimised: half a minute of one core.
    run(${configure} -DPOLYFORMER_SOURCE_DIR=${SOURCE} -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O1)
    run(${CMAKE_COMMAND} --build ${WORK}/build)
    run(${WORK}/build/client)
    return()
endif()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/made-here)
file(RENAME ${WORK}/made-here ${WORK}/moved)  # an installed tree may be moved
file(GLOB_RECURSE texts ${WORK}/moved/*.cmake ${WORK}/moved/*.h)
foreach(text IN LISTS texts)
    file(READ ${text} content)
    foreach(place ${SOURCE} ${BUILD} ${WORK})
        string(FIND "${content}" "${place}/" found)
        if(NOT found EQUAL -1)
            message(FATAL_ERROR "${text} names ${place}, where it was made")
        endif()
    endforeach()
endforeach()
run(${configure} -DCMAKE_PREFIX_PATH=${WORK}/moved -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/client)

# The two sides as installed, with their own server between them.
set(polyformer ${WORK}/moved/bin/polyformer)
run(${polyformer} random-model model --layers 1 --width 16 --heads 2 --context 8 --feed-forward 32 --vocabulary 40)
run(${polyformer} plan model --positions all --insecure-ring-dimension 2048 --out plan)
run(${polyformer} keygen plan/client --secret secret.key --server-keys keys.bin --allow-insecure)
run(${polyformer} encrypt plan/client --secret secret.key --request request.bin --token-ids 3 1 4 1 5)
run(${WORK}/build/server plan/server keys.bin request.bin reply.bin)
run(${polyformer} decrypt plan/client --secret secret.key --reply reply.bin)
run(${polyformer} infer plan/server --keys keys.bin --request request.bin --reply reply.bin)

file(READ ${WORK}/moved/share/bash-completion/completions/polyformer completion)
if(HELP2MAN)
    file(READ ${WORK}/moved/share/man/man1/polyformer.1 page)
    foreach(section "\n.SH POLYFORMER INFER\n" "\n.SH POLYFORMER BENCH CKKS\n" "\\-\\-server\\-keys")
        string(FIND "${page}" "${section}" found)
        if(found EQUAL -1)
            message(FATAL_ERROR "the man page of polyformer lacks ${section}")
        endif()
    endforeach()
endif()

foreach(program ${WORK}/moved/bin/polyformer-server ${WORK}/build/server)
    run(${CMAKE_COMMAND} -DPROGRAM=${program} -DNM=${NM} -P ${SOURCE}/tests/service/check_symbols.cmake)
endforeach()
