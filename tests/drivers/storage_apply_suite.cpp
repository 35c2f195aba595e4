// Layers' archives, and layers on each other.

#include <thread>

#include "storage_fixture.hpp"

namespace gantry::conformance {

namespace fs = std::filesystem;

TEST_F(Storage, ManyLayers) {
  constexpr int kLayers = 150;
  std::vector<int> layers;
  for (int n = 0; n < kLayers; ++n) {
    TarMaker tar;
    tar.file("layer-" + std::to_string(n), std::to_string(n)).file("latest", std::to_string(n));
    apply(n, layers, tar);
    layers.push_back(n);
  }
  const MountedTop top{prepare("top", layers), place()};
  EXPECT_EQ(read(top / "latest"), std::to_string(kLayers - 1));
  for (int n = 0; n < kLayers; ++n) EXPECT_EQ(read(top / ("layer-" + std::to_string(n))), std::to_string(n));
}

TEST_F(Storage, LayersAreAppliedAtTheSameTime) {
  if (!can("parallel-apply")) GTEST_SKIP() << "not a capability of this driver";
  constexpr int kLayers = 8;
  std::vector<std::thread> threads;
  for (int n = kLayers - 1; n >= 0; --n) {
    threads.emplace_back([this, n] {
      std::vector<int> parents;
      for (int below = 0; below < n; ++below) parents.push_back(below);
      TarMaker tar;
      for (int file = 0; file < 200; ++file)
        tar.file("d/" + std::to_string(n) + "-" + std::to_string(file), std::string(5000, 'x'));
      tar.file("last", std::to_string(n));
      apply(n, parents, tar);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const MountedTop top{prepare("top", {0, 1, 2, 3, 4, 5, 6, 7}), place()};
  EXPECT_EQ(read(top / "last"), "7");
  EXPECT_EQ(std::distance(fs::directory_iterator{top / "d"}, fs::directory_iterator{}), kLayers * 200);
}

TEST_F(Storage, ApplyAgainReadsNothing) {
  TarMaker tar;
  tar.file("f", "12345");
  apply(1, {}, tar);
  StringSource untouched{"not read"};
  storage::v1::AppliedLayer out;
  driver().apply(chain(1), {}, untouched, out, call());
  EXPECT_EQ(out.size, 5U);
  EXPECT_FALSE(untouched.at_end());
}

TEST_F(Storage, ReadsBehindTheArchive) {
  TarMaker tar;
  tar.file("f", "1");
  apply_bytes(1, {}, tar.take() + std::string(100'000, '\0'));
}

TEST_F(Storage, ALayerMayEndWithinItsLastFilesPadding) {
  TarMaker tar;
  std::string bytes = tar.file("f", "hello").take();
  constexpr std::size_t kPaddingAndEnd = 512 - 5 + 1024;
  bytes.resize(bytes.size() - kPaddingAndEnd);
  storage::v1::AppliedLayer out;
  StringSource cut{bytes.substr(0, bytes.size() - 1)};
  EXPECT_THROW(driver().apply(chain(1), {}, cut, out, call()), Error);
  StringSource whole{bytes};
  driver().apply(chain(1), {}, whole, out, call());
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / "f"), "hello");
}

TEST_F(Storage, AnEmptyStreamIsAnEmptyLayer) {
  EXPECT_EQ(apply_bytes(1, {}, {}).size, 0U);
  EXPECT_EQ(apply_bytes(2, {1}, std::string(1024, '\0')).size, 0U);
  const MountedTop top{prepare("top", {1, 2}), place()};
  EXPECT_TRUE(fs::is_empty(top.path()));
}

}  // namespace gantry::conformance
