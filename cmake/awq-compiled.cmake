# SPDX-License-Identifier: MIT
# The calls on whole models, compiled once: objects, of which the program awq, the tests and awq::compiled are made.
# Nothing of it is built before something links it.
set(driver_levels baseline)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    set(driver_levels baseline x86-64-v3 x86-64-v4)
endif()
set(AWQ_DRIVER_LEVELS "${driver_levels}" CACHE STRING
    "Instruction set levels of program and shared library: baseline and any of x86-64-v2, x86-64-v3, x86-64-v4")
set(awq_levels baseline)
if(AWQ_BUILD_EXAMPLES OR AWQ_SHARED_LIBRARY)
    list(APPEND awq_levels ${AWQ_DRIVER_LEVELS})
    list(REMOVE_DUPLICATES awq_levels)
endif()

# awq_add_objects(<target> sources... [DEFINE macros...])
function(awq_add_objects target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEFINE")
    add_library(${target} OBJECT EXCLUDE_FROM_ALL ${arg_UNPARSED_ARGUMENTS})
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET default)
    target_compile_definitions(${target} PRIVATE AWQ_HEADER_ONLY=0 ${arg_DEFINE})
    target_link_libraries(${target} PRIVATE awq_developer awq::awq)
    # Thread-local data of a library that is loaded late is else allocated at its first use, where a lack of memory
    # ends the program without a word.
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
        target_compile_options(${target} PRIVATE -ftls-model=initial-exec)
    endif()
endfunction()

# awq_add_kernels(<level>): awq_kernels_<level>, for what -march calls so; baseline: for the flags that all is given.
function(awq_add_kernels level)
    awq_add_objects(awq_kernels_${level} "${PROJECT_SOURCE_DIR}/src/kernels.cpp" DEFINE AWQ_COMPILES_KERNELS=1)
    if(NOT level STREQUAL "baseline")
        # AVX-512 headers do not compile without optimisation.
        target_compile_options(awq_kernels_${level} PRIVATE -march=${level} $<$<CONFIG:Debug>:-Og>)
    elseif("x86-64-v3" IN_LIST awq_levels)
        # Processors with AVX2 have their own library.
        target_compile_definitions(awq_kernels_${level} PRIVATE AWQ_GGUF_RUNTIME_DISPATCH=0)
    endif()
    target_compile_options(awq_kernels_${level} PRIVATE $<$<CONFIG:>:-O3>) # who names no build type wants speed, too
endfunction()
foreach(level IN LISTS awq_levels)
    awq_add_kernels(${level})
endforeach()
awq_add_objects(awq_runs "${PROJECT_SOURCE_DIR}/src/oneshot.cpp" "${PROJECT_SOURCE_DIR}/src/runs.cpp"
                DEFINE AWQ_COMPILES_RUNS=1)
awq_add_objects(awq_files "${PROJECT_SOURCE_DIR}/src/files.cpp" DEFINE AWQ_COMPILES_FILES=1)
# What is not computed there need not be optimised as much.
foreach(target awq_runs awq_files)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release,>:-O2>)
endforeach()

# awq_add_library(<target> <type> <level> [more objects...]): all of it, with the kernels of a level. The level's
# objects come first: of an inline function that several objects have, the linker takes the first.
function(awq_add_library target type level)
    add_library(${target} ${type} EXCLUDE_FROM_ALL $<TARGET_OBJECTS:awq_kernels_${level}> $<TARGET_OBJECTS:awq_runs>
                $<TARGET_OBJECTS:awq_files> ${ARGN})
    target_link_libraries(${target} PRIVATE awq::awq)
    if(type STREQUAL "SHARED")
        target_link_libraries(${target} PRIVATE awq_developer)
    endif()
endfunction()

# ---- awq::compiled -------------------------------------------------------------------------------
# Whoever links it compiles declarations only. Static, it is for the instruction set of the compiler's flags; shared, it
# is there for each level, in the folders where glibc looks for the best one that the processor has.
function(awq_place_library target folder)
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME awq
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        EXCLUDE_FROM_ALL FALSE
        LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib${folder}")
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
        # Its inline functions stay its own, whatever flags those of the program were compiled with.
        target_link_options(${target} PRIVATE LINKER:-Bsymbolic-functions)
    endif()
endfunction()

set(awq_wide_levels ${awq_levels})
list(REMOVE_ITEM awq_wide_levels baseline)
if(AWQ_SHARED_LIBRARY)
    awq_add_library(awq_compiled SHARED baseline)
    awq_place_library(awq_compiled "")
    foreach(level IN LISTS awq_wide_levels)
        awq_add_library(awq_compiled_${level} SHARED ${level})
        awq_place_library(awq_compiled_${level} /glibc-hwcaps/${level})
        add_dependencies(awq_compiled awq_compiled_${level})
    endforeach()
    list(PREPEND awq_offered compiled)
else()
    awq_add_library(awq_compiled STATIC baseline)
endif()
add_library(awq::compiled ALIAS awq_compiled)
set_target_properties(awq_compiled PROPERTIES EXPORT_NAME compiled)
target_compile_definitions(awq_compiled INTERFACE AWQ_HEADER_ONLY=0)
target_link_libraries(awq_compiled PUBLIC awq_core)
