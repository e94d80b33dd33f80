# Warnings, sanitizers and include path that every target of ours shares, and two helpers that apply them.
add_library(polyformer_options INTERFACE)
target_include_directories(polyformer_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(polyformer_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                                   -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(polyformer_options INTERFACE -Wno-restrict)  # GCC 12 sees overlaps in "text" + string
endif()
if(POLYFORMER_SANITIZERS)
    target_compile_options(polyformer_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                                                       -fno-omit-frame-pointer)
    target_link_options(polyformer_options INTERFACE -fsanitize=address,undefined)
endif()
if(POLYFORMER_FUZZERS)
    target_compile_options(polyformer_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                                                       -fno-sanitize-recover=all)
    target_link_options(polyformer_options INTERFACE -fsanitize=address,undefined)
endif()

# polyformer_library(NAME SOURCES a.cpp ... DEPENDS lib ...): a static library polyformer_NAME.
function(polyformer_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
    add_library(polyformer_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(polyformer_${name} PUBLIC polyformer_options fmt::fmt ${ARG_DEPENDS})
endfunction()

# polyformer_test(NAME SOURCES a_test.cpp ... DEPENDS lib ... [TIMEOUT seconds]): one GoogleTest binary, each case a
# ctest test; data files are found under the directory in the macro POLYFORMER_TEST_DATA.
function(polyformer_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
    add_executable(${name}_test ${ARG_SOURCES})
    target_link_libraries(${name}_test PRIVATE ${ARG_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
    target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR})
    target_compile_definitions(${name}_test PRIVATE POLYFORMER_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data"
                                                    POLYFORMER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()

# polyformer_test_kernel_sets(NAME ...): runs whole test binaries once more with each kernel set but the fastest, forced
# by the environment; skipped where the CPU lacks it. Not with sanitizers, where it would double the time: there the
# tests of single kernels hold every set against the reference.
function(polyformer_test_kernel_sets)
    if(POLYFORMER_SANITIZERS)
        return()
    endif()
    foreach(name IN LISTS ARGN)
        foreach(set scalar avx2)
            add_test(NAME ${name}.with_${set}_kernels COMMAND ${name}_test --gtest_brief=1)
            set_tests_properties(
                ${name}.with_${set}_kernels
                PROPERTIES ENVIRONMENT POLYFORMER_KERNELS=${set} TIMEOUT 300
                           SKIP_REGULAR_EXPRESSION "POLYFORMER_KERNELS=${set} names no kernels that this CPU can run")
        endforeach()
    endforeach()
endfunction()
