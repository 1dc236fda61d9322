# lab-bench and the test that runs every benchmark once.
lab_program(lab-bench
  bench/lab_bench_main.cpp
  bench/core_bench.cpp
  bench/boot_bench.cpp
  bench/gate.cpp
  bench/report.cpp
  LINK memblock_lab benchmark::benchmark nlohmann_json::nlohmann_json CLI11::CLI11)
target_include_directories(lab-bench PRIVATE ${PROJECT_SOURCE_DIR})
lab_test(bench.smoke COMMAND lab-bench --smoke LABELS bench TIMEOUT 300)
