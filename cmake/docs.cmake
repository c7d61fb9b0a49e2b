# SPDX-License-Identifier: MIT
# The API reference from the headers' comments: cmake --build BUILD --target awq_docs, then BUILD/docs/html/index.html.
find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
    return()
endif()
set(DOXYGEN_OUTPUT_DIRECTORY docs)
set(DOXYGEN_USE_MDFILE_AS_MAINPAGE "${PROJECT_SOURCE_DIR}/include/README.md")
set(DOXYGEN_STRIP_FROM_PATH "${PROJECT_SOURCE_DIR}/include")
set(DOXYGEN_STRIP_FROM_INC_PATH "${PROJECT_SOURCE_DIR}/include")
set(DOXYGEN_EXTRACT_ALL YES)        # what needs no words is listed, too
set(DOXYGEN_EXCLUDE_SYMBOLS "*::detail::*" "detail")
set(DOXYGEN_PREDEFINED "AWQ_HOSTED=1" "AWQ_EXCEPTIONS=1" "AWQ_ALWAYS_INLINE=inline"
    "AWQ_ABI_TAG=" "AWQ_ABI_BEGIN=" "AWQ_ABI_END=")
set(DOXYGEN_MACRO_EXPANSION YES)
set(DOXYGEN_EXPAND_ONLY_PREDEF YES)
set(DOXYGEN_SORT_MEMBER_DOCS NO)
set(DOXYGEN_HAVE_DOT NO)            # the same pages with and without graphviz
set(DOXYGEN_QUIET YES)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
doxygen_add_docs(awq_docs "${PROJECT_SOURCE_DIR}/include" COMMENT "API reference: docs/html/index.html")
