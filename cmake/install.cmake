# What `cmake --install` lays down: program, libraries, headers, find_package(exalloc) and pkg-config files.
include(CMakePackageConfigHelpers)

install(TARGETS exalloc EXPORT exalloc LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS exalloc-cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(EXALLOC_SIM)
  install(TARGETS exalloc-sim LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(EXALLOC_HAS_XRT)
  install(TARGETS exalloc-xrt LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/host/include/exalloc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT exalloc NAMESPACE exalloc:: FILE exalloc-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/exalloc)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/exalloc-config.cmake.in
  ${CMAKE_BINARY_DIR}/exalloc-config.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/exalloc)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/exalloc-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/exalloc-config.cmake ${CMAKE_BINARY_DIR}/exalloc-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/exalloc)
configure_file(${CMAKE_CURRENT_LIST_DIR}/exalloc.pc.in ${CMAKE_BINARY_DIR}/exalloc.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/exalloc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
