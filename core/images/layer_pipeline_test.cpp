#include "images/layer_pipeline.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/compression.hpp"

namespace gantry::images {
namespace {

namespace fs = std::filesystem;

/// Text that does not compress to nothing.
std::string content(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>('a' + (state >> 28U));
  }
  return text;
}

class TextSink final : public ByteSink {
 public:
  void write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string text;
};

std::string gzip(const std::string& plain) {
  TextSink out;
  GzipSink sink{out};
  sink.write(std::as_bytes(std::span{plain}));
  sink.finish();
  return out.text;
}

class LayerPipelineTest : public ::testing::Test {
 protected:
  LayerPipelineTest() : root_(make_root()), blobs_(root_) {}
  ~LayerPipelineTest() override { fs::remove_all(root_); }

  static fs::path make_root() {
    std::string path = fs::temp_directory_path() / "pipeline-XXXXXX";
    return ::mkdtemp(path.data());
  }

  static Layer layer_of(const std::string& blob, const std::string& plain) {
    return {{"", sha256_digest(blob), blob.size(), {}}, sha256_digest(plain), sha256_digest(plain), {}};
  }

  /// Downloads `sent` and unpacks it; the first error's text, or "".
  std::string run(Layer layer, const std::function<void(ByteSink&)>& fetch) {
    std::atomic<int> stops{0};
    unpacked_.clear();
    ended_ = false;
    std::string outcome;
    {
      LayerPipeline pipeline{blobs_, std::move(layer), [&] { ++stops; }};
      pipeline.inflate_download();
      std::thread downloading{[&] {
        try {
          pipeline.download(fetch);
        } catch (const std::exception&) {
        }
      }};
      try {
        pipeline.unpack([&](ByteSource& tar) { read(tar); });
      } catch (const std::exception&) {
      }
      downloading.join();
      try {
        if (const auto error = pipeline.error()) std::rethrow_exception(error);
      } catch (const std::exception& error) {
        outcome = error.what();
      }
    }
    EXPECT_EQ(stops, outcome.empty() ? 0 : 1);
    EXPECT_TRUE(fs::is_empty(blobs_.ingest_directory()));
    return outcome;
  }

  static std::function<void(ByteSink&)> sending(const std::string& text) {
    return [text](ByteSink& sink) {
      for (std::size_t at = 0; at < text.size(); at += 100'000) {
        sink.write(std::as_bytes(std::span{text}.subspan(at, std::min<std::size_t>(100'000, text.size() - at))));
      }
    };
  }

  void read(ByteSource& tar) {
    std::vector<std::byte> buffer(65536);
    while (const std::size_t got = tar.read(buffer)) {
      unpacked_.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
    ended_ = true;
  }

  fs::path root_;
  BlobStore blobs_;
  std::string unpacked_;
  bool ended_{};
};

TEST_F(LayerPipelineTest, StreamsEachCompression) {
  const std::string plain = content(5'000'000);
  for (const std::string& blob : {gzip(plain), plain, gzip(plain.substr(0, 1000)) + gzip(plain.substr(1000)),
                                  gzip(plain) + std::string(512, '\0')}) {
    const Layer layer = layer_of(blob, plain);
    EXPECT_EQ(run(layer, sending(blob)), "");
    EXPECT_TRUE(ended_);
    EXPECT_EQ(unpacked_.size(), plain.size());
    EXPECT_TRUE(unpacked_ == plain);
    EXPECT_TRUE(blobs_.has(layer.blob.digest, blob.size()));
  }
}

TEST_F(LayerPipelineTest, NothingOfAWrongDigestIsSeen) {
  const std::string plain = content(3'000'000);
  std::string blob = gzip(plain);
  const Layer layer = layer_of(blob, plain);
  blob[blob.size() - 6] ^= 1;  // in gzip's own checksum
  EXPECT_NE(run(layer, sending(blob)), "");
  EXPECT_FALSE(ended_);
  const std::string other = gzip(content(3'000'001).substr(1));
  Layer same_size = layer_of(other, plain);
  same_size.blob.digest = sha256_digest("something else");
  EXPECT_EQ(run(same_size, sending(other)), "filesystem layer verification failed for digest " + same_size.blob.digest);
  EXPECT_FALSE(ended_);
  EXPECT_TRUE(blobs_.list().empty());
}

TEST_F(LayerPipelineTest, RefusesAWrongDiffId) {
  const std::string plain = content(1'000'000);
  const std::string blob = gzip(plain);
  Layer layer = layer_of(blob, plain);
  layer.diff_id = sha256_digest("other");
  EXPECT_NE(run(layer, sending(blob)).find("but the image's config names " + layer.diff_id), std::string::npos);
  EXPECT_FALSE(ended_);
}

TEST_F(LayerPipelineTest, RefusesWhatIsCutOffOrTooLong) {
  const std::string plain = content(1'000'000);
  const std::string blob = gzip(plain);
  const Layer layer = layer_of(blob, plain);
  EXPECT_NE(run(layer, sending(blob.substr(0, blob.size() / 2))).find("bytes instead of"), std::string::npos);
  EXPECT_FALSE(ended_);
  EXPECT_NE(run(layer, sending(blob + "x")).find("larger than"), std::string::npos);
  const std::string cut = blob.substr(0, blob.size() - 10);
  EXPECT_NE(run(layer_of(cut, plain), sending(cut)).find("unexpected EOF"), std::string::npos);
  EXPECT_FALSE(ended_);
}

TEST_F(LayerPipelineTest, TellsAllWhenTheRegistryDies) {
  const std::string plain = content(2'000'000);
  const std::string blob = gzip(plain);
  EXPECT_EQ(run(layer_of(blob, plain),
                [&](ByteSink& sink) {
                  sending(blob.substr(0, 500'000))(sink);
                  throw Error{Errc::io, "the registry died"};
                }),
            "the registry died");
  EXPECT_FALSE(ended_);
}

TEST_F(LayerPipelineTest, StopsTheDownloadWhenUnpackingFails) {
  const std::string plain = content(9'000'000);
  const std::string blob = gzip(plain);
  LayerPipeline pipeline{blobs_, layer_of(blob, plain), [] {}};
  pipeline.inflate_download();
  std::thread unpacking{[&] {
    EXPECT_THROW(pipeline.unpack([](ByteSource&) { throw Error{Errc::exhausted, "no space left on device"}; }), Error);
  }};
  EXPECT_THROW(
      {
        for (;;) pipeline.download(sending(blob));
      },
      Error);
  unpacking.join();
}

TEST_F(LayerPipelineTest, VerifiesALayerThatTheDriverHad) {
  const std::string plain = content(3'000'000);
  const std::string blob = gzip(plain);
  LayerPipeline pipeline{blobs_, layer_of(blob, plain), [] {}};
  pipeline.inflate_download();
  pipeline.unpack([](ByteSource&) {});
  pipeline.download(sending(blob));
  EXPECT_EQ(pipeline.error(), nullptr);
  EXPECT_TRUE(blobs_.has(sha256_digest(blob), blob.size()));
}

}  // namespace
}  // namespace gantry::images
