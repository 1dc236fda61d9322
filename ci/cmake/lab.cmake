# What CMakeLists.txt uses to declare programs and tests, and the settings that only presets change.

set(MEMBLOCK_LAB_SANITIZE "" CACHE STRING "Value of -fsanitize=, such as address,undefined")
set(MEMBLOCK_LAB_AUDIT OFF CACHE BOOL "Check every container and span access")
set(MEMBLOCK_LAB_FUZZER OFF CACHE BOOL "Link the fuzz targets with libFuzzer, not with the plain main")
set(MEMBLOCK_LAB_FUZZ_ONLY OFF CACHE BOOL "Nothing but the lab and the fuzz targets")
set(MEMBLOCK_LAB_RAPIDCHECK ON CACHE BOOL "Build the random properties, which compile slowly")
set(MEMBLOCK_LAB_COVERAGE OFF CACHE BOOL "Count lines and branches (clang)")
set(MEMBLOCK_LAB_CORE_ONLY OFF CACHE BOOL "Nothing but the allocator, as a kernel builds it")
set(MEMBLOCK_LAB_LINUX OFF CACHE BOOL "Tests against the sources of kernels that Debian packages")
set(MEMBLOCK_LAB_HURRY OFF CACHE BOOL "Do not optimise sources that only run for a moment")
set(MEMBLOCK_LAB_PEERS OFF CACHE BOOL "Peers of the benchmarks that need a package")
set(MEMBLOCK_LAB_TEST_PREFIX "" CACHE STRING "Put before the name of every test")

# What is missing, for the summary line that `ci/lab test` refuses.
set(LAB_SKIPPED "" CACHE INTERNAL "")

# Options for every target of this build.
function(lab_global_options)
  add_compile_options(-Wall -Wextra -Wconversion -Wno-sign-conversion -Werror)
  if(MEMBLOCK_LAB_SANITIZE)
    add_compile_options(-fsanitize=${MEMBLOCK_LAB_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${MEMBLOCK_LAB_SANITIZE})
  endif()
  if(MEMBLOCK_LAB_AUDIT)
    add_compile_definitions(_GLIBCXX_ASSERTIONS)
  endif()
  if(MEMBLOCK_LAB_FUZZER)
    add_compile_options(-fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp)
  endif()
  if(MEMBLOCK_LAB_COVERAGE)
    add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
    add_link_options(-fprofile-instr-generate)
  endif()
endfunction()

# Finds the C compiler that belongs to the C++ compiler: sanitizers of two do not mix.
macro(lab_enable_c)
  if(NOT CMAKE_C_COMPILER)
    string(REGEX REPLACE "clang\\+\\+" "clang" CMAKE_C_COMPILER "${CMAKE_CXX_COMPILER}")
    string(REGEX REPLACE "g\\+\\+" "gcc" CMAKE_C_COMPILER "${CMAKE_C_COMPILER}")
  endif()
  enable_language(C)
endmacro()

# Looks for an optional package; says what to install when it is not there.
macro(lab_find package target debian)
  find_package(${package} QUIET)
  if(NOT TARGET ${target} OR NOT ${package}_FOUND)
    message(STATUS "skipped: install ${debian}")
    set(LAB_SKIPPED "${LAB_SKIPPED} ${debian}" CACHE INTERNAL "")
  endif()
endmacro()

# The same for the packaged sources of a kernel.
macro(lab_find_kernel release)
  if(NOT EXISTS /usr/src/linux-source-${release}.tar.xz)
    message(STATUS "skipped: install linux-source-${release}")
    set(LAB_SKIPPED "${LAB_SKIPPED} linux-source-${release}" CACHE INTERNAL "")
  endif()
endmacro()

# A program: lab_program(NAME SOURCES... LINK LIBRARIES...).
function(lab_program name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LINK})
endfunction()

# Sources that take the compiler longer than they ever run: command lines, JSON, laws that do little. Not
# where things are timed: of equal inline functions a linker takes the first, optimised or not.
function(lab_run_briefly)
  if(MEMBLOCK_LAB_HURRY)
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS -O0)
  endif()
endfunction()

# A test that runs from the root: lab_test(NAME COMMAND ... [LABELS ...] [TIMEOUT S] [LONG S] [SERIAL]).
# LONG: takes about that long and is started before what is shorter, so that none is left for the end.
function(lab_test name)
  cmake_parse_arguments(arg "SERIAL" "TIMEOUT;LONG" "COMMAND;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 600)
  endif()
  set(full ${MEMBLOCK_LAB_TEST_PREFIX}${name})
  add_test(NAME ${full} COMMAND ${arg_COMMAND} COMMAND_EXPAND_LISTS WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${full} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
  if(arg_LONG)
    set_tests_properties(${full} PROPERTIES COST ${arg_LONG})
  endif()
  if(arg_SERIAL)
    set_tests_properties(${full} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# A set of properties: props/NAME_props.cpp becomes props_NAME and the test props.NAME; ON_TREE: and
# once more, props_NAME_tree, held against the tree table.
function(lab_props name)
  cmake_parse_arguments(arg "ON_TREE" "" "" ${ARGN})
  lab_props_program(${name} props/${name}_props.cpp ${arg_UNPARSED_ARGUMENTS})
  if(arg_ON_TREE)
    lab_props_program(${name}_tree props/${name}_props.cpp ${arg_UNPARSED_ARGUMENTS})
    target_compile_definitions(props_${name}_tree PRIVATE LAB_PROPS_ON_TREE)
  endif()
endfunction()

function(lab_props_program name)
  lab_program(props_${name} ${ARGN} LINK memblock_lab rapidcheck)
  if(MEMBLOCK_LAB_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # RapidCheck's templates take minutes with everything on; what is watched is in the libraries.
    target_compile_options(props_${name} PRIVATE -fno-sanitize=undefined
                                                 -fno-sanitize=fuzzer-no-link)
  endif()
  target_include_directories(props_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  lab_test(props.${name} COMMAND props_${name} LABELS props)
endfunction()

# A check of the sources: ci/checks/NAME, as the test check.NAME: lab_check(NAME ARGUMENTS... [LONG S]).
function(lab_check name)
  cmake_parse_arguments(arg "" "LONG" "" ${ARGN})
  lab_test(check.${name} COMMAND ci/checks/${name} ${arg_UNPARSED_ARGUMENTS} LABELS check LONG ${arg_LONG})
endfunction()
