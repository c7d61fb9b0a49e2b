# SPDX-License-Identifier: MIT
# Headers, CMake package, pkg-config files, licence, and the Debian package that holds them and the program.
set(awq_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/awq")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/awq" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/awq")

set(awq_installed ${awq_offered})
list(TRANSFORM awq_installed PREPEND awq_)
install(TARGETS ${awq_installed} EXPORT awq_targets)
if(compiled IN_LIST awq_offered)
    foreach(level IN LISTS awq_wide_levels)
        install(TARGETS awq_compiled_${level}
                LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/glibc-hwcaps/${level}" NAMELINK_SKIP)
    endforeach()
endif()
install(EXPORT awq_targets FILE awq-targets.cmake NAMESPACE awq:: DESTINATION ${awq_package_dir})
configure_file("${PROJECT_SOURCE_DIR}/cmake/awq-config.cmake.in" "${PROJECT_BINARY_DIR}/awq-config.cmake" @ONLY)
# While the major version is 0, minor versions may break.
set(awq_compatibility SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(awq_compatibility SameMinorVersion)
endif()
write_basic_package_version_file("${PROJECT_BINARY_DIR}/awq-config-version.cmake"
    COMPATIBILITY ${awq_compatibility} ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/awq-config.cmake" "${PROJECT_BINARY_DIR}/awq-config-version.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/awq-dependencies.cmake" DESTINATION ${awq_package_dir})

# ---- pkg-config ----------------------------------------------------------------------------------
# awq-core has nothing to link, awq-compiled the library that links the rest; the others name libraries that bring .pc
# files.
set(awq_pc_requires_core "")
set(awq_pc_requires_hosted "awq-core xtensor xsimd tbb")
set(awq_pc_requires_awq "awq-hosted simdjson yaml-cpp libpcre2-8 libutf8proc")
set(awq_pc_requires_openblas "awq-hosted openblas")
set(awq_pc_requires_mpi "awq-hosted ompi-cxx")
set(awq_pc_requires_compiled "awq-core")
set(awq_pc_cflags_compiled " -DAWQ_HEADER_ONLY=0")
set(awq_pc_libs_compiled "-L\${libdir} -lawq")
foreach(tier IN LISTS awq_offered)
    set(awq_pc_requires "${awq_pc_requires_${tier}}")
    set(awq_pc_cflags "${awq_pc_cflags_${tier}}")
    set(awq_pc_libs "${awq_pc_libs_${tier}}")
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/awq-${tier}.pc" @ONLY CONTENT
"prefix=\${pcfiledir}/../..
includedir=\${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
libdir=\${prefix}/@CMAKE_INSTALL_LIBDIR@

Name: awq-@tier@
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Requires: @awq_pc_requires@
Cflags: -I\${includedir}@awq_pc_cflags@
Libs: @awq_pc_libs@
")
    install(FILES "${PROJECT_BINARY_DIR}/awq-${tier}.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
endforeach()

# ---- cpack -G DEB --------------------------------------------------------------------------------
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME awq)
if(NOT CPACK_PACKAGE_CONTACT)
    set(CPACK_PACKAGE_CONTACT "awq maintainers <awq@packages.invalid>") # who builds a package names himself
endif()
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/debian-files.cmake")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Smooths and quantizes checkpoints of large language models: to 16 bits, to
compressed-tensors and AutoAWQ layouts, and to GGUF files for llama.cpp. Holds
the program awq and the header-only C++20 library that it is made of.")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "${awq_debian_awq}")
string(REPLACE " " ", " CPACK_DEBIAN_PACKAGE_SUGGESTS "${CPACK_DEBIAN_PACKAGE_SUGGESTS}")
set(CPACK_STRIP_FILES ON)
include(CPack)
