# `cmake --install`: headers, the static library and the package that find_package(memblock_lab) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(LAB_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/memblock_lab)
install(TARGETS memblock EXPORT memblock_lab_targets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/memblock DESTINATION include/memblock_lab
        FILES_MATCHING PATTERN "*.h")
install(EXPORT memblock_lab_targets NAMESPACE memblock_lab:: DESTINATION ${LAB_PACKAGE_DIR})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/memblock_labConfig.cmake.in
  ${PROJECT_BINARY_DIR}/memblock_labConfig.cmake INSTALL_DESTINATION ${LAB_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/memblock_labConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/memblock_labConfig.cmake
              ${PROJECT_BINARY_DIR}/memblock_labConfigVersion.cmake
        DESTINATION ${LAB_PACKAGE_DIR})
