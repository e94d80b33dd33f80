# What `cmake --install` lays down: component "runtime" (programs, shared libraries), component "development" (headers,
# static libraries, the package configuration). The tree may be moved: nothing in it names where it was made.
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/polyformer)
get_property(libraries GLOBAL PROPERTY POLYFORMER_INSTALLED_LIBRARIES)
install(TARGETS ${libraries}
        EXPORT polyformer-targets
        RUNTIME COMPONENT runtime
        LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
        ARCHIVE COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(installed ${libraries})
foreach(program polyformer polyformer-server polyformer-train)
    if(TARGET ${program})
        install(TARGETS ${program} RUNTIME COMPONENT runtime)
        list(APPEND installed ${program})
    endif()
endforeach()
if(BUILD_SHARED_LIBS)
    file(RELATIVE_PATH to_libraries /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
    set_target_properties(${installed} PROPERTIES INSTALL_RPATH "$ORIGIN;$ORIGIN/${to_libraries}")
endif()

# Headers of the libraries; what vector code shares among itself stays at home.
foreach(part IN LISTS parts_with_headers)
    install(DIRECTORY src/polyformer/${part}
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/polyformer
            COMPONENT development
            FILES_MATCHING PATTERN "*.h" PATTERN "*vector*" EXCLUDE PATTERN "*_template.h" EXCLUDE
                           PATTERN "double_*" EXCLUDE PATTERN "x86" EXCLUDE PATTERN "arm" EXCLUDE)
endforeach()

install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)  # a project of its own, see its README

install(EXPORT polyformer-targets NAMESPACE polyformer:: DESTINATION ${config_dir} COMPONENT development)
list(TRANSFORM libraries REPLACE "^polyformer_" "" OUTPUT_VARIABLE components)
configure_package_config_file(cmake/polyformer-config.cmake.in polyformer-config.cmake INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(polyformer-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/polyformer-config.cmake ${PROJECT_BINARY_DIR}/polyformer-config-version.cmake
        DESTINATION ${config_dir}
        COMPONENT development)
