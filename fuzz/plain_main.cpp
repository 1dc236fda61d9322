// A main for fuzz targets built without a fuzzing engine: runs the target once on every file given,
// folders included, so that targets build with any compiler and replay corpora as ordinary tests.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

constexpr int kExitUsage = 2;

/// All regular files of `argument`, in the same order everywhere. Empty: there is none.
std::vector<fs::path> files_of(const fs::path& argument) {
  std::vector<fs::path> files;
  std::error_code error;
  if (!fs::is_directory(argument, error)) {
    if (fs::exists(argument, error)) files.push_back(argument);
    return files;
  }
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(argument, error)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool read_file(const fs::path& path, std::vector<uint8_t>& bytes) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return false;
  bytes.assign(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
  return true;
}

int usage(const char* program) {
  std::fprintf(stderr,
               "usage: %s FILE|FOLDER...\n"
               "Runs the fuzz target once on each file. This build only replays inputs; to fuzz, "
               "configure with `cmake --preset fuzz`.\n",
               program);
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') return usage(argv[0]);
    const std::vector<fs::path> more = files_of(argv[i]);
    if (more.empty()) {
      std::fprintf(stderr, "%s: no input there; give files or a folder that holds some\n", argv[i]);
      return kExitUsage;
    }
    files.insert(files.end(), more.begin(), more.end());
  }
  if (files.empty()) return usage(argv[0]);

  const auto start = std::chrono::steady_clock::now();
  size_t total_bytes = 0;
  for (const fs::path& file : files) {
    std::vector<uint8_t> bytes;
    if (!read_file(file, bytes)) {
      std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
      return kExitUsage;
    }
    // Said before the run: when the target stops the process, this is the last line.
    std::printf("%s (%zu bytes)\n", file.c_str(), bytes.size());
    std::fflush(stdout);
    bytes.shrink_to_fit();  // So that AddressSanitizer sees a read past the end.
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    total_bytes += bytes.size();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%zu inputs, %zu bytes, %.3f s, no finding\n", files.size(), total_bytes,
              seconds.count());
  return 0;
}
