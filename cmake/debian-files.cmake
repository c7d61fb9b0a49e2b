# SPDX-License-Identifier: MIT
# What Debian asks of a package's files, done in the folder that is about to be packed.
set(awq_usr "${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX}")
configure_file("${awq_usr}/share/licenses/awq/LICENSE" "${awq_usr}/share/doc/awq/copyright" COPYONLY)
if(EXISTS "${awq_usr}/share/man/man1/awq.1")
    execute_process(COMMAND gzip -9n "${awq_usr}/share/man/man1/awq.1")
endif()
