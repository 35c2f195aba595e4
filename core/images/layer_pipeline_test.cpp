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
  std::string run(Layer layer, const LayerPipeline::Fetch& fetch, bool leaves_beginning = false) {
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
    EXPECT_EQ(fs::is_empty(blobs_.ingest_directory()), !leaves_beginning);
    return outcome;
  }

  static LayerPipeline::Fetch sending(const std::string& text) {
    return [text](ByteSink& sink, std::uint64_t offset) {
      for (std::size_t at = offset; at < text.size(); at += 100'000) {
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
                [&](ByteSink& sink, std::uint64_t offset) {
                  sending(blob.substr(0, 500'000))(sink, offset);
                  throw Error{Errc::io, "the registry died"};
                }),
            "the registry died");
  EXPECT_FALSE(ended_);
}

/// Sends up to a byte and breaks off there; notes where it began.
LayerPipeline::Fetch breaking(const LayerPipeline::Fetch& whole, std::uint64_t& began, Errc code = Errc::io) {
  return [whole, &began, code](ByteSink& sink, std::uint64_t offset) {
    began = offset;
    whole(sink, offset);
    throw Error{code, "broken"};
  };
}

TEST_F(LayerPipelineTest, GoesOnWhereATransferBrokeOff) {
  const std::string plain = content(4'000'000);  // is sent as it is
  const Layer layer = layer_of(plain, plain);
  std::uint64_t began = 0;
  EXPECT_EQ(run(layer, breaking(sending(plain.substr(0, 2'000'000)), began), true), "broken");
  EXPECT_EQ(began, 0U);
  EXPECT_EQ(run(layer, breaking(sending(plain.substr(0, 3'000'000)), began, Errc::cancelled), true), "broken");
  EXPECT_EQ(began, 2'000'000U);
  blobs_.remove_temporaries();  // as after a restart
  EXPECT_EQ(run(layer,
                [&](ByteSink& sink, std::uint64_t offset) {
                  began = offset;
                  sending(plain)(sink, offset);
                }),
            "");
  EXPECT_EQ(began, 3'000'000U);
  EXPECT_TRUE(unpacked_ == plain);
  EXPECT_TRUE(blobs_.has(layer.blob.digest, plain.size()));
}

TEST_F(LayerPipelineTest, KeepsTheBeginningWhenItsReplayIsCutShort) {
  const std::string plain = content(4'000'000);
  const Layer layer = layer_of(plain, plain);
  std::uint64_t began = 0;
  EXPECT_EQ(run(layer, breaking(sending(plain.substr(0, 2'000'000)), began), true), "broken");
  {
    LayerPipeline pipeline{blobs_, layer, [] {}};
    pipeline.fail(std::make_exception_ptr(Error{Errc::cancelled, "context canceled"}));
    EXPECT_THROW(pipeline.download(sending(plain)), Error);
  }
  EXPECT_EQ(run(layer, breaking(sending(plain.substr(0, 2'500'000)), began), true), "broken");
  EXPECT_EQ(began, 2'000'000U);
}

TEST_F(LayerPipelineTest, KeepsNoBeginningThatIsSmallOrWrong) {
  const std::string plain = content(4'000'000);
  const Layer layer = layer_of(plain, plain);
  std::uint64_t began = 0;
  EXPECT_EQ(run(layer, breaking(sending(plain.substr(0, 1'000'000)), began)), "broken");
  EXPECT_EQ(run(layer, breaking(sending(plain.substr(0, 2'000'000)), began, Errc::exhausted)), "broken");
  EXPECT_EQ(run(layer, breaking(sending(std::string(2'000'000, 'x')), began), true), "broken");
  EXPECT_NE(run(layer, sending(plain)), "");
  EXPECT_EQ(run(layer, sending(plain)), "");
}

TEST_F(LayerPipelineTest, RemovesBeginningsThatNobodyFetches) {
  const std::string plain = content(4'000'000);
  const Layer layer = layer_of(plain, plain);
  std::uint64_t began = 0;
  run(layer, breaking(sending(plain.substr(0, 2'000'000)), began), true);
  {
    const BlobStore::Writer fetching{blobs_, layer.blob.digest, layer.blob.size};
    EXPECT_EQ(blobs_.remove_beginnings(), 0U);
  }
  run(layer, breaking(sending(plain.substr(0, 2'000'000)), began), true);
  EXPECT_EQ(began, 0U);
  EXPECT_GE(blobs_.remove_beginnings(), 2'000'000U);
  EXPECT_TRUE(fs::is_empty(blobs_.ingest_directory()));
  run(layer, breaking(sending(plain.substr(0, 2'000'000)), began), true);
  const auto two_days_ago = fs::file_time_type::clock::now() - std::chrono::hours{48};
  for (const auto& entry : fs::directory_iterator{blobs_.ingest_directory()}) {
    fs::last_write_time(entry.path(), two_days_ago);
  }
  blobs_.remove_temporaries();
  EXPECT_TRUE(fs::is_empty(blobs_.ingest_directory()));
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
