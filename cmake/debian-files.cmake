# SPDX-License-Identifier: MIT
# What Debian asks of a package's files, done in the folder that is about to be packed.
set(awq_share "${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX}/share")
configure_file("${awq_share}/licenses/awq/LICENSE" "${awq_share}/doc/awq/copyright" COPYONLY)
string(TIMESTAMP awq_now "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE "${awq_share}/doc/awq/changelog"
"awq (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * Version ${CPACK_PACKAGE_VERSION}.

 -- ${CPACK_PACKAGE_CONTACT}  ${awq_now}
")
foreach(awq_text IN ITEMS doc/awq/changelog man/man1/awq.1)
    if(EXISTS "${awq_share}/${awq_text}")
        execute_process(COMMAND gzip -9n "${awq_share}/${awq_text}")
    endif()
endforeach()
