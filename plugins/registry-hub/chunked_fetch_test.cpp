#include "chunked_fetch.hpp"

#include <gmock/gmock.h>

#include "blob_fetch.hpp"
#include "hub_fixture.hpp"

namespace hub {
namespace {

using gantry::Errc;
using ::testing::HasSubstr;

constexpr std::size_t kBlobSize = (std::size_t{4} << 20) * 6 + 12345;

std::string pattern() {
  std::string text(kBlobSize, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24U);
  }
  return text;
}

struct Range {
  std::size_t begin{};
  std::size_t end{};  ///< Behind the last byte.
};

std::optional<Range> range_of(const ScriptedServer::Request& request) {
  const std::string text = request.header("range");
  if (text.empty()) return {};
  const auto dash = text.find('-');
  const std::string last = text.substr(dash + 1);
  return Range{std::stoul(text.substr(6)), last.empty() ? kBlobSize : std::stoul(last) + 1};
}

/// A blob that never comes fast enough by one connection.
class Chunks : public ::testing::Test {
 protected:
  void serve(ScriptedServer::Script script) {
    server_.emplace("127.0.0.1", [script](const ScriptedServer::Request& request) {
      return request.target == "/v2/" ? respond(200, "{}") : script(request);
    });
    session_.emplace(client_, tokens_, endpoints_.find(server_->host(), call_), std::vector<std::string>{},
                     Credentials{}, call_);
  }
  std::string part(const Range& range) const {
    return respond(206, content_.substr(range.begin, range.end - range.begin), content_range(range));
  }
  static std::string content_range(const Range& range) {
    return "Content-Range: bytes " + std::to_string(range.begin) + "-" + std::to_string(range.end - 1) + "/" +
           std::to_string(kBlobSize) + "\r\n";
  }
  /// What a registry that serves ranges answers.
  std::string answer(const ScriptedServer::Request& request) const {
    const auto range = range_of(request);
    return range ? part(*range) : respond(200, content_);
  }
  static bool is_chunk(const ScriptedServer::Request& request) {
    const auto range = range_of(request);
    return range && range->begin > 0 && range->end - range->begin <= ChunkedFetch::kChunk;
  }
  BlobFetch fetch(gantry::ByteSink& sink, std::uint64_t offset = 0) {
    BlobFetch out{*session_, repository_, blob_, offset, {places_, 4, std::chrono::milliseconds{0}}};
    out.run(sink);
    return out;
  }
  void expect_all() {
    EXPECT_EQ(sink_.text.size(), kBlobSize);
    EXPECT_TRUE(sink_.text == content_);
  }
  std::size_t requests() const { return server_->requests().size() - 1; }

  const std::string content_ = pattern();
  TestCall call_;
  HttpClient client_{{}, Proxies{"", "", ""}};
  TokenAuth tokens_{client_};
  Endpoints endpoints_{client_, InsecureHosts{{}}};
  ChunkPlaces places_{8};
  Repository repository_{"x", "a/b"};
  Descriptor blob_{"t", kDigest, kBlobSize, {}};
  TextSink sink_;
  std::optional<ScriptedServer> server_;
  std::optional<Session> session_;
};

TEST_F(Chunks, ComeInTheirOrder) {
  serve([this](const ScriptedServer::Request& request) { return answer(request); });
  fetch(sink_);
  expect_all();
  EXPECT_EQ(requests(), 7U);
  EXPECT_EQ(server_->requests()[1].header("range"), "bytes=0-4194303");
}

TEST_F(Chunks, AreNotAskedForWhereOneConnectionIsEnough) {
  serve([this](const ScriptedServer::Request& request) { return answer(request); });
  BlobFetch one{*session_, repository_, blob_, 0, {places_, 4, std::chrono::hours{1}}};
  one.run(sink_);
  expect_all();
  EXPECT_EQ(requests(), 2U);
  EXPECT_EQ(server_->requests().back().header("range"), "bytes=4194304-");
  sink_.text.clear();
  BlobFetch off{*session_, repository_, blob_, 0, {places_, 1, std::chrono::milliseconds{0}}};
  off.run(sink_);
  expect_all();
  EXPECT_EQ(server_->requests().back().header("range"), "");
}

TEST_F(Chunks, FollowWhatHasComeBefore) {
  serve([this](const ScriptedServer::Request& request) { return answer(request); });
  sink_.text = content_.substr(0, 1000);
  fetch(sink_, 1000);
  expect_all();
  EXPECT_EQ(server_->requests()[1].header("range"), "bytes=1000-4195303");
}

TEST_F(Chunks, AreNotTriedIfTheRegistryIgnoresRanges) {
  serve([this](const ScriptedServer::Request&) { return respond(200, content_); });
  fetch(sink_);
  expect_all();
  EXPECT_EQ(requests(), 1U);
}

TEST_F(Chunks, AreNotTriedIfTheRegistryRefusesRanges) {
  serve([this](const ScriptedServer::Request& request) {
    return range_of(request) ? respond(416, "") : respond(200, content_);
  });
  fetch(sink_);
  expect_all();
  EXPECT_EQ(requests(), 2U);
}

TEST_F(Chunks, GiveWayToOneConnectionIfTheyFail) {
  std::string body;
  std::string headers;
  int status = 404;
  serve([&](const ScriptedServer::Request& request) {
    if (!is_chunk(request)) return answer(request);
    return status == 206 ? respond(206, body, headers) : respond(status, body);
  });
  fetch(sink_);
  expect_all();
  EXPECT_EQ(server_->requests().back().header("range"), "bytes=4194304-");
  // All of it instead of a part.
  sink_.text.clear();
  status = 200;
  body = content_;
  fetch(sink_);
  expect_all();
  // Another part.
  sink_.text.clear();
  status = 206;
  body = content_.substr(0, ChunkedFetch::kChunk);
  headers = content_range({0, ChunkedFetch::kChunk});
  fetch(sink_);
  expect_all();
  // More than the headers tell.
  sink_.text.clear();
  body = content_;
  headers = content_range({ChunkedFetch::kChunk, 2 * ChunkedFetch::kChunk});
  fetch(sink_);
  expect_all();
}

TEST_F(Chunks, GoOnWhereOneBreaks) {
  std::atomic<int> breaks{3};
  serve([&](const ScriptedServer::Request& request) {
    std::string whole = answer(request);
    if (is_chunk(request) && breaks-- > 0) whole.resize(whole.size() / 2);
    return whole;
  });
  fetch(sink_);
  expect_all();
  EXPECT_EQ(requests(), 10U);
}

TEST_F(Chunks, EndWithTheCall) {
  serve([this](const ScriptedServer::Request& request) {
    if (is_chunk(request)) call_.cancelled_ = true;
    return answer(request);
  });
  try {
    fetch(sink_);
    FAIL() << "was not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::cancelled);
  }
  EXPECT_EQ(places_.take(8).count(), 8U);
}

TEST_F(Chunks, EndWithTheSink) {
  class FullSink final : public gantry::ByteSink {
   public:
    void write(std::span<const std::byte> bytes) override {
      if ((size += bytes.size()) > 3 * ChunkedFetch::kChunk) throw Error{Errc::exhausted, "no space left on device"};
    }
    std::size_t size{};
  };
  serve([this](const ScriptedServer::Request& request) { return answer(request); });
  FullSink full;
  BlobFetch out{*session_, repository_, blob_, 0, {places_, 4, std::chrono::milliseconds{0}}};
  EXPECT_THROW(out.run(full), Error);
  EXPECT_EQ(out.at(), 3 * ChunkedFetch::kChunk);
}

TEST_F(Chunks, ShareTheirPlaces) {
  serve([this](const ScriptedServer::Request& request) { return answer(request); });
  const auto others = places_.take(7);
  EXPECT_EQ(others.count(), 7U);
  fetch(sink_);
  expect_all();
  // Without a place the probing goes on by one connection, until the rest is not worth it.
  EXPECT_EQ(server_->requests().back().header("range"), "bytes=" + std::to_string(3 * ChunkedFetch::kChunk) + "-");
  EXPECT_EQ(places_.take(4).count(), 0U);
}

TEST(LayerConnections, AreAFewOrOne) {
  for (const char* bad : {"0", "9", "16", "-1", "x"}) {
    TestHost host;
    host.options_["layer-connections"] = bad;
    Driver driver;
    EXPECT_THROW(driver.open(host), Error) << bad;
  }
}

}  // namespace
}  // namespace hub
