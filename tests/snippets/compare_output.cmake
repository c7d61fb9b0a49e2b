# SPDX-License-Identifier: MIT
# cmake -DSOURCE=FILE.cpp -DSCRATCH=DIR -P compare_output.cmake PROGRAM ARGUMENTS...: in an empty DIR the program ends
# with 0 and prints what stands in its source below "// Prints:".
file(READ "${SOURCE}" expected)
string(REGEX REPLACE ".*\n// Prints:\n" "" expected "${expected}")
string(REGEX REPLACE "(^|\n)// " "\\1" expected "${expected}")

set(command "")
set(index 5)
while(index LESS CMAKE_ARGC)
    list(APPEND command "${CMAKE_ARGV${index}}")
    math(EXPR index "${index} + 1")
endwhile()
file(REMOVE_RECURSE "${SCRATCH}")
file(MAKE_DIRECTORY "${SCRATCH}")
execute_process(COMMAND ${command} WORKING_DIRECTORY "${SCRATCH}"
                OUTPUT_VARIABLE printed RESULT_VARIABLE ended)
if(NOT ended EQUAL 0 OR NOT printed STREQUAL expected)
    message(FATAL_ERROR "ended with ${ended} and printed\n${printed}\ninstead of\n${expected}")
endif()
