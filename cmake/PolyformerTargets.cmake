# Warnings and sanitizers for all that is built in this folder and below, and helpers that make targets. None of it gets
# into what a target asks of those who link it: options of a folder are no usage requirements.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
                    -Woverloaded-virtual)
if(POLYFORMER_WARNINGS_AS_ERRORS)
    add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-restrict)  # GCC 12 sees overlaps in "text" + string
    if(BUILD_SHARED_LIBS OR CMAKE_POSITION_INDEPENDENT_CODE)
        add_compile_options(-fno-semantic-interposition)  # else calls within a library cannot be inlined
    endif()
endif()
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    # Every 64-bit ARM has fused multiply-adds, which round otherwise: plans, encodings and kernels would differ.
    add_compile_options(-ffp-contract=off)
endif()
if(POLYFORMER_SANITIZERS)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
endif()

# polyformer_library(NAME [INTERNAL] SOURCES a.cpp ... DEPENDS lib ...): a library polyformer_NAME, for others
# polyformer::NAME, here and in the installed package alike. INTERNAL: not installed.
function(polyformer_library name)
    cmake_parse_arguments(ARG "INTERNAL" "" "SOURCES;DEPENDS" ${ARGN})
    set(target polyformer_${name})
    add_library(${target} ${ARG_SOURCES})
    add_library(polyformer::${name} ALIAS ${target})
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
    target_link_libraries(${target} PUBLIC fmt::fmt ${ARG_DEPENDS})
    if(POLYFORMER_FUZZERS)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)  # counts which branches an input takes
    endif()
    # Before 1.0, programs built with 0.1 need libraries of 0.1.
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION}
                          SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    if(POLYFORMER_INSTALL AND NOT ARG_INTERNAL)
        set_property(GLOBAL APPEND PROPERTY POLYFORMER_INSTALLED_LIBRARIES ${target})
    elseif(NOT PROJECT_IS_TOP_LEVEL)
        set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)  # built where something links it
    endif()
endfunction()

# polyformer_test(NAME SOURCES a_test.cpp ... DEPENDS lib ... [TIMEOUT seconds]): one GoogleTest binary, each case a
# ctest test; data files are found under the directory in the macro POLYFORMER_TEST_DATA.
function(polyformer_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
    add_executable(${name}_test ${ARG_SOURCES})
    target_link_libraries(${name}_test PRIVATE ${ARG_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
    target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR})
    # Optimising GoogleTest's templates takes most of the time that tests need; what they call is optimised as ever.
    target_compile_options(${name}_test PRIVATE $<IF:$<CONFIG:Debug>,-O0,-O1>)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # At -O1 GCC 12 takes default members of an argument for uninitialised; the other build, clang's, has no doubt.
        target_compile_options(${name}_test PRIVATE -Wno-maybe-uninitialized)
    endif()
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
