# The one list of fuzz targets. From it come, for each: the program fuzz_NAME (libFuzzer where
# MEMBLOCK_LAB_FUZZER is on, else a plain main that replays files), its generated seeds, the test
# fuzz.NAME.corpus, with an engine a short campaign fuzz.NAME.smoke, its dictionary, and its row in the
# table of lab-fuzz.
#
# lab_fuzz_target(NAME KIND trace|text|bytes LONGEST bytes SEEDS kind [SMOKE executions]
#                 [DICTIONARY file] [SOURCES ...] [LINK ...])
#   KIND     what an input is: decides how a finding is shrunk and shown
#   LONGEST  inputs are no longer than this
#   SEEDS    what lab-seeds makes of the corpora: see fuzz/seeds_main.cpp
#   SOURCES  besides fuzz/fuzz_NAME.cpp
#   LINK     libraries that come before the lab
function(lab_fuzz_targets)
  lab_fuzz_target(ops KIND trace LONGEST 2048 SEEDS traces
                  SOURCES $<TARGET_OBJECTS:fuzz_op_mutator>)
  lab_fuzz_target(e820 KIND bytes LONGEST 512 SEEDS choices)
  lab_fuzz_target(cmdline KIND text LONGEST 256 SEEDS cmdlines DICTIONARY cmdline.dict)
  lab_fuzz_target(text KIND text LONGEST 768 SEEDS texts DICTIONARY text.dict)
  lab_fuzz_target(bootlog KIND text LONGEST 4096 SEEDS bootlogs)
  lab_fuzz_cost()
  lab_fuzz_linux(6.1 6.12)
endfunction()

# fuzz_cost: on a core of its own, whose steps are counted, and so are those of the target itself, as
# far as calls are inlined there. Both come before what is not counted: of equal functions a linker
# takes the first. The checks of sanitizers would be steps too.
function(lab_fuzz_cost)
  set(count_steps -fsanitize-coverage=trace-pc)
  if(MEMBLOCK_LAB_SANITIZE)
    list(APPEND count_steps -fno-sanitize=${MEMBLOCK_LAB_SANITIZE})
  endif()
  get_target_property(core_sources memblock SOURCES)
  add_library(memblock_counted ${core_sources})
  target_include_directories(memblock_counted PUBLIC core)
  target_compile_options(memblock_counted PRIVATE -ffreestanding -fno-exceptions -fno-rtti
                                                  ${count_steps})
  target_link_options(memblock_counted PUBLIC -Wl,--wrap=__sanitizer_cov_trace_pc
                                       PRIVATE -Wl,-Bsymbolic-functions)
  # The mutator is compiled once more: it has inline functions that are to be counted here.
  # An execution counts every step of calls on tables of thousands: it takes a hundred times as long.
  lab_fuzz_target(cost KIND trace LONGEST 2048 SEEDS costs SMOKE 500
                  SOURCES fuzz/op_mutator.cpp fuzz/op_moves.cpp fuzz/op_values.cpp
                  LINK memblock_counted fuzz_cost_bounds)
  target_compile_options(fuzz_cost PRIVATE ${count_steps})
endfunction()

# fuzz_linux, where the packaged sources of these kernels are: the kernels' objects, instrumented
# like the rest of the build, and the target that loads them.
function(lab_fuzz_linux)
  set(flavour plain)
  if(MEMBLOCK_LAB_FUZZER)
    set(flavour fuzz)
  endif()
  file(GLOB shims CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/core/lab/linux/*)
  foreach(release ${ARGN})
    set(source /usr/src/linux-source-${release}.tar.xz)
    if(NOT EXISTS ${source})
      message(STATUS "no fuzz_linux: linux-source-${release} is not installed")
      return()
    endif()
    set(object ${PROJECT_BINARY_DIR}/linux/linux-${release}-${flavour}.so)
    list(APPEND objects ${object})
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${PROJECT_SOURCE_DIR}/ci/linux/build --tree ${release} --flavour ${flavour}
              --out ${PROJECT_BINARY_DIR}/linux
      COMMAND ${CMAKE_COMMAND} -E touch ${object}
      DEPENDS ${shims} ${source} ${PROJECT_SOURCE_DIR}/ci/linux/build
              ${PROJECT_SOURCE_DIR}/ci/linux/trees.sh
      COMMENT "Memblock of Linux ${release}, ${flavour}" VERBATIM)
  endforeach()
  lab_fuzz_target(linux KIND trace LONGEST 2048 SEEDS traces
                  SOURCES $<TARGET_OBJECTS:fuzz_op_mutator> ${objects})
  list(JOIN objects ":" joined)
  target_compile_definitions(fuzz_linux PRIVATE LAB_LINUX_OBJECTS="${joined}")
  target_link_libraries(fuzz_linux PRIVATE memblock_lab_linux)
  # The objects count what they reach with the engine of this program.
  set_target_properties(fuzz_linux PROPERTIES ENABLE_EXPORTS ON)
endfunction()

# Instrumentation where it pays. The model's paths mirror the core's, so they are not followed at
# all, nor is what calls both (fuzz_ops.cpp holds compare() and apply() of both), nor what only runs
# between executions. Comparisons are followed where kernels' text is read; elsewhere the dictionary
# knows the words, and addresses are compared all the time: lab_global_options() has that off.
if(MEMBLOCK_LAB_FUZZER)
  foreach(part model model_table model_alloc model_grow model_query model_handover model_print
               model_e820 e820_case compare compare_tables apply core_backend linux_backend linux_backend_find
               linux_e820 linux_compare linux_judge linux_known linux_known_e820 linux_tree)
    set_source_files_properties(core/lab/${part}.cpp PROPERTIES
      COMPILE_OPTIONS -fno-sanitize=fuzzer-no-link)
  endforeach()
  foreach(part fuzz_ops fuzz_linux fuzz_cost op_mutator op_moves op_values
               cost_bound cost_meter cost_score cost_search cost_start)
    set_source_files_properties(fuzz/${part}.cpp PROPERTIES
      COMPILE_OPTIONS -fno-sanitize=fuzzer-no-link)
  endforeach()
  file(GLOB parsers CONFIGURE_DEPENDS core/lab/bootlog_*.cpp)
  foreach(source ${parsers} core/memblock/parse_size.cpp core/memblock/e820_options.cpp
                 core/memblock/named_reservations.cpp)
    set_source_files_properties(${source} PROPERTIES
      COMPILE_OPTIONS -fsanitize-coverage=trace-cmp)
  endforeach()
endif()

# Where lab-fuzz, in the same folder as the programs, looks for seeds and dictionaries.
set(LAB_FUZZ_SEEDS ${PROJECT_BINARY_DIR}/fuzz-seeds)
set(LAB_FUZZ_DICTIONARIES ${PROJECT_BINARY_DIR}/fuzz-dictionaries)

function(lab_fuzz_target name)
  cmake_parse_arguments(arg "" "KIND;LONGEST;SEEDS;SMOKE;DICTIONARY" "SOURCES;LINK" ${ARGN})
  set(program fuzz_${name})
  lab_program(${program} fuzz/${program}.cpp ${arg_SOURCES} LINK ${arg_LINK} memblock_lab)
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR})
  if(MEMBLOCK_LAB_FUZZER)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
    set(replay $<TARGET_FILE:${program}> -runs=0)
  else()
    target_sources(${program} PRIVATE fuzz/plain_main.cpp)
    set(replay $<TARGET_FILE:${program}>)
  endif()

  set(seeds ${LAB_FUZZ_SEEDS}/${name})
  file(GLOB_RECURSE corpora CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/corpora/*)
  add_custom_command(
    OUTPUT ${seeds}.stamp
    COMMAND lab-seeds ${arg_SEEDS} --longest ${arg_LONGEST} --out ${seeds}
            ${PROJECT_SOURCE_DIR}/corpora
    COMMAND ${CMAKE_COMMAND} -E touch ${seeds}.stamp
    DEPENDS lab-seeds ${corpora}
    COMMENT "Seeds of ${program}" VERBATIM)
  add_custom_target(${program}_seeds ALL DEPENDS ${seeds}.stamp)
  add_dependencies(all_fuzz_targets ${program} ${program}_seeds)
  lab_test(fuzz.${name}.corpus COMMAND ${replay} ${seeds} LABELS fuzz)
  if(MEMBLOCK_LAB_FUZZER)
    set(runs 5000)
    if(arg_SMOKE)
      set(runs ${arg_SMOKE})
    endif()
    lab_test(fuzz.${name}.smoke COMMAND lab-fuzz ${name} --runs ${runs} --jobs 1 LABELS fuzz)
  endif()

  set(dictionary "")
  if(arg_DICTIONARY)
    set(dictionary ${arg_DICTIONARY})
    configure_file(fuzz/${arg_DICTIONARY} ${LAB_FUZZ_DICTIONARIES}/${arg_DICTIONARY} COPYONLY)
  endif()
  string(SUBSTRING ${arg_KIND} 0 1 initial)
  string(TOUPPER ${initial} initial)
  string(SUBSTRING ${arg_KIND} 1 -1 rest)
  set_property(GLOBAL APPEND_STRING PROPERTY LAB_FUZZ_ROWS
    "    {\"${name}\", \"${program}\", InputKind::${initial}${rest}, ${arg_LONGEST}, \"${dictionary}\"},\n")
endfunction()

add_custom_target(all_fuzz_targets)
add_library(fuzz_op_mutator OBJECT fuzz/op_mutator.cpp fuzz/op_moves.cpp fuzz/op_values.cpp)
target_include_directories(fuzz_op_mutator PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(fuzz_op_mutator PRIVATE memblock_lab)
add_library(fuzz_cost_bounds STATIC fuzz/cost_bound.cpp fuzz/cost_meter.cpp fuzz/cost_score.cpp
                                    fuzz/cost_search.cpp fuzz/cost_start.cpp)
target_include_directories(fuzz_cost_bounds PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(fuzz_cost_bounds PUBLIC memblock_lab)
lab_program(lab-seeds fuzz/seeds_main.cpp fuzz/cost_seeds.cpp
            LINK fuzz_cost_bounds memblock_lab CLI11::CLI11)
target_include_directories(lab-seeds PRIVATE ${PROJECT_SOURCE_DIR})
lab_fuzz_targets()
get_property(LAB_FUZZ_ROWS GLOBAL PROPERTY LAB_FUZZ_ROWS)
configure_file(fuzz/registry.cpp.in ${PROJECT_BINARY_DIR}/generated/fuzz_registry.cpp @ONLY)
lab_program(lab-fuzz
  fuzz/lab_fuzz_main.cpp
  fuzz/campaign.cpp
  fuzz/distil.cpp
  fuzz/engine_log.cpp
  fuzz/process.cpp
  fuzz/summary.cpp
  fuzz/triage.cpp
  ${PROJECT_BINARY_DIR}/generated/fuzz_registry.cpp
  LINK memblock_lab nlohmann_json::nlohmann_json CLI11::CLI11)
target_include_directories(lab-fuzz PRIVATE ${PROJECT_SOURCE_DIR})
lab_run_briefly(fuzz/seeds_main.cpp fuzz/lab_fuzz_main.cpp fuzz/distil.cpp fuzz/summary.cpp)
