#include "blob_push.hpp"

#include <gmock/gmock.h>

#include "hub_fixture.hpp"

namespace hub {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kSize = 6'000'000;
constexpr std::size_t kBreak = 2'500'000;

/// A registry that keeps what has come of an upload, and whose connections break after `kBreak` bytes.
class Uploads : public Hub {
 protected:
  static std::string letters(std::size_t size) {
    std::string text(size, 'a');
    for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>('a' + at * 7 / 1000 % 26);
    return text;
  }

  /// `breaks` of the requests with a body break off.
  void serve_uploads(int breaks) {
    breaks_ = breaks;
    serve([this](const ScriptedServer::Request& request) { return answer(request); },
          [this](const ScriptedServer::Request& request) { return appetite(request); });
  }

  std::size_t appetite(const ScriptedServer::Request& request) {
    const std::string length = request.header("content-length");
    if (length.empty() || length == "0" || breaks_ == 0) return kSize;
    --breaks_;
    return kBreak;
  }

  /// The server notes what came of a request before it breaks the connection off.
  void keep_what_came() {
    const auto requests = server_->requests();
    for (; noted_ < requests.size(); ++noted_) {
      const auto& request = requests[noted_];
      if (request.body.empty()) continue;
      const std::string range = request.header("content-range");
      const std::size_t from = range.empty() ? 0 : std::stoul(range);
      EXPECT_EQ(from, kept_.size()) << range;
      kept_ += request.body;
    }
  }

  std::string answer(const ScriptedServer::Request& request) {
    if (request.method == "POST") {
      kept_.clear();
      noted_ = server_->requests().size();
      return respond(202, "", "Location: /upload/" + std::to_string(++uploads_) + "\r\n");
    }
    if (request.method == "HEAD") return respond(complete_ ? 200 : 404, "");
    keep_what_came();
    if (request.method == "GET") {
      if (forgets_) return respond(404, R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]})");
      const std::size_t last = kept_.empty() ? 0 : kept_.size() - 1;
      return respond(204, "", "Range: 0-" + std::to_string(last) + "\r\nLocation: /upload/moved\r\n");
    }
    if (request.method == "PATCH") return respond(202, "", "Location: /upload/last?x=y\r\n");
    complete_ = true;
    return loses_the_last_answer_ ? "" : respond(201, "");
  }

  std::string put(gantry::ByteSource& source, std::size_t size) {
    return error([&] { driver_.put_blob(repository(), blob(size), {}, credentials_, source, call_); });
  }

  std::size_t count(const std::string& method) const {
    const auto requests = server_->requests();
    return static_cast<std::size_t>(
        std::count_if(requests.begin(), requests.end(), [&](const auto& request) { return request.method == method; }));
  }

  int breaks_{};
  bool forgets_{};
  bool loses_the_last_answer_{};
  std::string kept_;
  std::size_t noted_{};
  int uploads_{};
  bool complete_{};
};

TEST_F(Uploads, GoOnBehindWhatTheRegistryHasKept) {
  const std::string content = letters(kSize);
  serve_uploads(2);
  SeekableText source{content};
  EXPECT_EQ(put(source, kSize), "");
  EXPECT_TRUE(kept_ == content) << kept_.size();
  EXPECT_EQ(count("POST"), 1U);
  EXPECT_EQ(count("PATCH"), 3U);
  const auto requests = server_->requests();
  EXPECT_EQ(requests.back().target, "/upload/last?x=y&digest=sha256%3A" + std::string(64, 'a'));
  EXPECT_EQ(requests.back().body, "");
  EXPECT_EQ(requests[requests.size() - 2].header("content-range"), "5000000-5999999");
  EXPECT_EQ(requests[requests.size() - 2].target, "/upload/moved");
}

TEST_F(Uploads, BeginAnewIfTheRegistryHasForgotten) {
  const std::string content = letters(kSize);
  forgets_ = true;
  serve_uploads(1);
  SeekableText source{content};
  EXPECT_EQ(put(source, kSize), "");
  EXPECT_TRUE(kept_ == content) << kept_.size();
  EXPECT_EQ(count("POST"), 2U);
}

TEST_F(Uploads, EndAfterSomeTriesThatCameNoFurther) {
  forgets_ = true;
  serve_uploads(100);
  SeekableText source{letters(kSize)};
  EXPECT_THAT(put(source, kSize), HasSubstr("Patch \"http://" + server_->host() + "/upload/"));
  EXPECT_EQ(count("PATCH"), 5U);
}

TEST_F(Uploads, OfSmallBlobsAreResumedToo) {
  serve_uploads(1);
  const std::string content = letters(kBreak + 10);
  SeekableText source{content};
  EXPECT_EQ(put(source, content.size()), "");
  EXPECT_TRUE(kept_ == content) << kept_.size();
  EXPECT_EQ(count("PUT"), 2U);
}

TEST_F(Uploads, AreDoneIfOnlyTheLastAnswerWasLost) {
  loses_the_last_answer_ = true;
  serve_uploads(0);
  SeekableText source{letters(kSize)};
  EXPECT_EQ(put(source, kSize), "");
  EXPECT_EQ(count("PUT"), 1U);
  EXPECT_EQ(count("PATCH"), 1U);
}

TEST_F(Uploads, WaitAsLongAsTheRegistryAsks) {
  int refusals = 0;
  serve([&](const ScriptedServer::Request& request) {
    if (request.method == "GET") return respond(204, "", "Range: 0-0\r\n");
    const bool body = !request.body.empty();
    if (request.method == "POST" ? refusals == 0 : refusals == 1 && body) {
      ++refusals;
      return respond(request.method == "POST" ? 429 : 503, "", "Retry-After: 1\r\n");
    }
    return respond(request.method == "PUT" ? 201 : 202, "", "Location: /upload/1\r\n");
  });
  SeekableText source{letters(kSize)};
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(put(source, kSize), "");
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds{2});
  EXPECT_EQ(count("POST"), 2U);
  EXPECT_EQ(count("PATCH"), 2U);
}

TEST(Backoff, IsWhatTheRegistryAsksForWithinReason) {
  using std::chrono::milliseconds;
  EXPECT_EQ(backoff(0, ""), milliseconds{250});
  EXPECT_EQ(backoff(2, ""), milliseconds{1'000});
  EXPECT_EQ(backoff(0, "3"), milliseconds{3'000});
  EXPECT_EQ(backoff(0, "99999999999"), milliseconds{20'000});
  EXPECT_EQ(backoff(0, "Fri, 31 Dec 2999 23:59:59 GMT"), milliseconds{20'000});
  EXPECT_EQ(backoff(0, "Fri, 31 Dec 1999 23:59:59 GMT"), milliseconds{0});
  for (const char* nonsense : {"-1", "1.5", "soon", "Fri, 31 Dec 2999", "99999999999999999999"}) {
    EXPECT_EQ(backoff(0, nonsense), milliseconds{250}) << nonsense;
  }
}

TEST_F(Uploads, FailAtOnceFromASourceThatCannotGoBack) {
  serve_uploads(1);
  TextSource source{letters(kSize)};
  EXPECT_THAT(put(source, kSize), HasSubstr("Patch \"http://"));
  EXPECT_EQ(count("PATCH"), 1U);
}

TEST_F(Uploads, AreNotRepeatedIfTheRegistryRefuses) {
  serve([](const ScriptedServer::Request& request) {
    if (request.method == "POST") return respond(202, "", "Location: /upload/1\r\n");
    return respond(403, R"({"errors":[{"code":"DENIED","message":"quota"}]})");
  });
  SeekableText source{letters(kSize)};
  EXPECT_THAT(put(source, kSize), HasSubstr("quota"));
  EXPECT_EQ(count("PATCH"), 1U);
}

}  // namespace
}  // namespace hub
