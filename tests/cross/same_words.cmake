# SPDX-License-Identifier: MIT
# cmake "-DBUILD=compiler;flags..." "-DRUN=emulator;program" -DHOST=program -P same_words.cmake
# Compiles, runs, and fails where the output differs from that of the host's program.
cmake_minimum_required(VERSION 3.20)
execute_process(COMMAND ${BUILD} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${RUN} OUTPUT_VARIABLE there COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${HOST}" OUTPUT_VARIABLE here COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\r" "" there "${there}")
message(STATUS "${there}")
if(NOT there STREQUAL here OR here STREQUAL "")
    message(FATAL_ERROR "the host says:\n${here}")
endif()
