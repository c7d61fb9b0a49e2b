# SPDX-License-Identifier: MIT
# cmake -DOBJDUMP=... "-DOBJECTS=a.o;b.o;..." -P compare_code.cmake
# Prints the size of each object's code, and fails where two have the same code and constants.
cmake_minimum_required(VERSION 3.20)
set(seen "")
foreach(object IN LISTS OBJECTS)
    execute_process(COMMAND "${OBJDUMP}" -h "${object}" OUTPUT_VARIABLE sections COMMAND_ERROR_IS_FATAL ANY)
    if(NOT sections MATCHES " \\.text +([0-9a-f]+)")
        message(FATAL_ERROR "no code: ${object}")
    endif()
    math(EXPR bytes "0x${CMAKE_MATCH_1}")
    message(STATUS "${bytes} bytes of code: ${object}")
    execute_process(COMMAND "${OBJDUMP}" -s "${object}" OUTPUT_VARIABLE contents COMMAND_ERROR_IS_FATAL ANY)
    string(FIND "${contents}" "Contents of section" start) # before it stands the name of the file
    string(SUBSTRING "${contents}" ${start} -1 contents)
    string(SHA256 code "${contents}")
    if(bytes LESS 50 OR code IN_LIST seen)
        message(FATAL_ERROR "no code, or the same as that of another policy: ${object}")
    endif()
    list(APPEND seen ${code})
endforeach()
