# lab-bench and the tests that run every benchmark once. Peers that need a package are found or
# left out.
set(bench_sources
  bench/lab_bench_main.cpp
  bench/arguments.cpp
  bench/suite.cpp
  bench/rounds.cpp
  bench/boot_limit.cpp
  bench/boots.cpp
  bench/baseline.cpp
  bench/gate.cpp
  bench/report.cpp
  bench/candidate.cpp
  bench/heap_count.cpp
  bench/goals.cpp
  bench/goal_table.cpp
  bench/table_text.cpp
  bench/growth.cpp
  bench/core_candidate.cpp
  bench/flat_candidate.cpp
  bench/linux_candidate.cpp
  bench/vector_candidate.cpp
  bench/std_map_candidate.cpp
  bench/limit_candidates.cpp)
set(bench_peers)
if(MEMBLOCK_LAB_PEERS)
  lab_find(absl absl::btree libabsl-dev)
  lab_find(Boost Boost::headers libboost-dev)
  find_library(llvm_support LLVMSupport PATHS /usr/lib/llvm-14/lib)
  find_path(llvm_headers llvm/ADT/IntervalMap.h PATHS /usr/include/llvm-14 /usr/lib/llvm-14/include)
  find_path(llvm_c_headers llvm-c/DataTypes.h PATHS /usr/include/llvm-c-14)
  if(TARGET absl::btree)
    list(APPEND bench_sources bench/absl_candidate.cpp)
    list(APPEND bench_peers absl::btree)
    set_property(SOURCE bench/candidate.cpp APPEND PROPERTY COMPILE_DEFINITIONS LAB_BENCH_ABSL)
  endif()
  if(TARGET Boost::headers)
    list(APPEND bench_sources bench/icl_candidate.cpp)
    list(APPEND bench_peers Boost::headers)
    set_property(SOURCE bench/candidate.cpp APPEND PROPERTY COMPILE_DEFINITIONS LAB_BENCH_BOOST)
  endif()
  if(llvm_support AND llvm_headers)
    list(APPEND bench_sources bench/llvm_candidate.cpp)
    find_library(terminal_info tinfo)  # What its other parts ask for.
    list(APPEND bench_peers ${llvm_support} ${terminal_info})
    set_property(SOURCE bench/llvm_candidate.cpp APPEND PROPERTY
                 COMPILE_OPTIONS -isystem${llvm_headers} -isystem${llvm_c_headers})
    set_property(SOURCE bench/candidate.cpp APPEND PROPERTY COMPILE_DEFINITIONS LAB_BENCH_LLVM)
  else()
    message(STATUS "skipped: install llvm-14-dev")
    set(LAB_SKIPPED "${LAB_SKIPPED} llvm-14-dev" CACHE INTERNAL "")
  endif()
endif()
lab_program(lab-bench ${bench_sources}
            LINK memblock_lab_linux benchmark::benchmark nlohmann_json::nlohmann_json CLI11::CLI11
                 ${bench_peers})
target_include_directories(lab-bench PRIVATE ${PROJECT_SOURCE_DIR})
lab_run_briefly(bench/lab_bench_main.cpp bench/arguments.cpp bench/baseline.cpp bench/gate.cpp
                bench/growth.cpp bench/report.cpp bench/table_text.cpp)
lab_test(bench.smoke COMMAND lab-bench --smoke --no-linux LABELS bench TIMEOUT 300)
if(NOT MEMBLOCK_LAB_SANITIZE AND NOT MEMBLOCK_LAB_COVERAGE)
  find_program(valgrind NAMES valgrind)
  if(valgrind)
    lab_test(bench.growth COMMAND lab-bench --growth core/README.md LABELS bench TIMEOUT 600 LONG 40)
  else()
    message(STATUS "skipped: install valgrind")
    set(LAB_SKIPPED "${LAB_SKIPPED} valgrind" CACHE INTERNAL "")
  endif()
endif()
if(MEMBLOCK_LAB_LINUX)
  lab_test(linux.bench COMMAND lab-bench --smoke --candidates core,linux-6.1,linux-6.12
           LABELS linux TIMEOUT 600)
endif()
