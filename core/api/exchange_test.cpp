#include "api/exchange.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "api/product.hpp"
#include "api/router.hpp"
#include "api/streams.hpp"

namespace gantry::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

template <class Work>
std::string message_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

Request request_with(const std::string& query) {
  Request request;
  request.query = parse_query(query);
  return request;
}

TEST(Query, IsDecoded) {
  const Request request = request_with("a=1&b=x%20y+z&c&d=%zz&=v&a=2&&e=%2");
  EXPECT_EQ(request.get("a"), "1");
  EXPECT_THAT(request.all("a"), ElementsAre("1", "2"));
  EXPECT_EQ(request.get("b"), "x y z");
  EXPECT_TRUE(request.has("c"));
  EXPECT_EQ(request.get("d"), "%zz");
  EXPECT_EQ(request.get("e"), "%2");
  EXPECT_FALSE(request.has("z"));
}

TEST(Query, ReadsBooleansAsDockerdDoes) {
  for (const char* no : {"f=", "f=0", "f=no", "f=False", "f=none", "f"})
    EXPECT_FALSE(request_with(no).flag("f", true)) << no;
  for (const char* yes : {"f=1", "f=true", "f=whatever"}) EXPECT_TRUE(request_with(yes).flag("f")) << yes;
  EXPECT_TRUE(request_with("").flag("f", true));
}

TEST(Query, ReadsNumbers) {
  EXPECT_EQ(request_with("n=-3").number("n"), -3);
  EXPECT_FALSE(request_with("n=").number("n"));
  EXPECT_EQ(message_of([] { static_cast<void>(request_with("n=x").number("n")); }),
            "strconv.ParseInt: parsing \"x\": invalid syntax");
  EXPECT_THAT(message_of([] { static_cast<void>(request_with("n=99999999999999999999").number("n")); }),
              HasSubstr("value out of range"));
}

TEST(Query, ReadsTimesAsSecondsOnly) {
  const Request request = request_with("a=1.5&b=%2B2&c=-1&d=1.1234567891234&far=99999999999&past=-99999999999&none=");
  EXPECT_EQ(request.time("a"), 1'500'000'000);
  EXPECT_EQ(request.time("b"), 2'000'000'000);
  EXPECT_EQ(request.time("c"), -1'000'000'000);
  EXPECT_EQ(request.time("d"), 1'123'456'789);
  EXPECT_EQ(request.time("far"), std::numeric_limits<Nanoseconds>::max());
  EXPECT_LT(request.time("past"), 0);
  EXPECT_EQ(request.time("none"), std::nullopt);
  for (const std::string bad : {"10m", "-1h", "2013-01-01", "2013-01-01T00:00:00Z", "x", "1e5", "0x5"}) {
    EXPECT_EQ(message_of([&] { static_cast<void>(request_with("t=" + bad).time("t")); }),
              "strconv.ParseInt: parsing \"" + bad + "\": invalid syntax");
  }
  const auto refusal = [](const char* text) {
    return message_of([&] { static_cast<void>(request_with(std::string{"t="} + text).time("t")); });
  };
  EXPECT_EQ(refusal("1."), "strconv.ParseInt: parsing \"\": invalid syntax");
  EXPECT_EQ(refusal(".5"), "strconv.ParseInt: parsing \"\": invalid syntax");
  EXPECT_EQ(refusal("1.x"), "strconv.ParseInt: parsing \"x\": invalid syntax");
  EXPECT_EQ(refusal("99999999999999999999"), "strconv.ParseInt: parsing \"99999999999999999999\": value out of range");
}

TEST(Query, ReadsFiltersInBothForms) {
  EXPECT_THAT(request_with("filters={\"label\":[\"a=b\"],\"id\":{\"x\":true,\"y\":false}}").filters(),
              ElementsAre(Pair("id", ElementsAre("x")), Pair("label", ElementsAre("a=b"))));
  EXPECT_TRUE(request_with("").filters().empty());
  for (const char* bad : {"{bad", "[]", "3", "{\"a\":3}", "{\"a\":[3]}", "{\"a\":{\"b\":\"c\"}}"}) {
    EXPECT_EQ(message_of([&] { static_cast<void>(request_with(std::string{"filters="} + bad).filters()); }),
              "invalid filter");
  }
}

TEST(JsonBody, IsRefusedInDockerdsWords) {
  const std::string json = "application/json";
  EXPECT_TRUE(parse_json_body("", std::nullopt).is_null());
  EXPECT_EQ(parse_json_body("{\"a\":1}", "application/json; charset=utf-8")["a"], 1);
  EXPECT_EQ(message_of([] { parse_json_body("{}", "text/plain"); }),
            "unsupported Content-Type header (text/plain): must be 'application/json'");
  for (const auto& none : {std::optional<std::string>{}, std::optional<std::string>{""}}) {
    EXPECT_EQ(message_of([&] { parse_json_body("{}", none); }),
              "malformed Content-Type header (): mime: no media type");
  }
  EXPECT_THAT(message_of([&] { parse_json_body("{\"a", json); }), ::testing::StartsWith("invalid JSON: "));
  EXPECT_EQ(message_of([&] { parse_json_body("{\"a\":", json); }), "invalid JSON: unexpected EOF");
  EXPECT_EQ(message_of([&] { parse_json_body("{} {}", json); }), "unexpected content after JSON");
  EXPECT_THAT(message_of([&] { parse_json_body(std::string(100'000, '['), json); }),
              ::testing::StartsWith("invalid JSON: "));
}

TEST(Errors, HaveOneStatusEach) {
  const auto status = [](Errc code) { return Response::error(std::make_exception_ptr(Error{code, "no"})).status; };
  EXPECT_EQ(status(Errc::invalid), 400U);
  EXPECT_EQ(status(Errc::denied), 403U);
  EXPECT_EQ(status(Errc::not_found), 404U);
  EXPECT_EQ(status(Errc::conflict), 409U);
  EXPECT_EQ(status(Errc::unsupported), 501U);
  EXPECT_EQ(status(Errc::unavailable), 503U);
  EXPECT_EQ(status(Errc::internal), 500U);
  EXPECT_EQ(Response::error(std::make_exception_ptr(3)).status, 500U);
  const Response answer = Response::error(std::make_exception_ptr(Error{Errc::not_found, "No such container: \xff"}));
  EXPECT_THAT(answer.body, HasSubstr("{\"message\":\"No such container: "));
}

TEST(Errors, AMemberOfTheWrongTypeIsTheClientsMistake) {
  try {
    static_cast<void>(nlohmann::json::parse("{\"Image\":3}").at("Image").get<std::string>());
  } catch (...) {
    EXPECT_EQ(Response::error(std::current_exception()).status, 400U);
  }
}

TEST(Versions, AreTakenOffThePathAndChecked) {
  const auto split = [](std::string path) {
    const std::string version = take_version(path);
    return std::pair{version, path};
  };
  EXPECT_THAT(split("/v1.45/info"), Pair("1.45", "/info"));
  EXPECT_THAT(split("/volumes/x"), Pair("", "/volumes/x"));
  EXPECT_THAT(split("/v1.4x/info"), Pair("", "/v1.4x/info"));
  EXPECT_THAT(split("/v"), Pair("", "/v"));
  EXPECT_EQ(parse_version("1.24"), (Version{1, 24}));
  EXPECT_EQ(parse_version(""), kNewestVersion);
  EXPECT_EQ(message_of([] { parse_version("1.99"); }),
            "client version 1.99 is too new. Maximum supported API version is 1.56");
  EXPECT_EQ(
      message_of([] { parse_version("1.23"); }),
      "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer "
      "version");
  EXPECT_THAT(message_of([] { parse_version("1"); }), HasSubstr("too old"));
  EXPECT_THAT(message_of([] { parse_version("99999999999999.1"); }), HasSubstr("too new"));
  EXPECT_THAT(message_of([] { parse_version("..."); }), HasSubstr("too old"));
}

TEST(Router, FindsParametersAndTheRestOfAPath) {
  Router router;
  const auto nothing = [](Exchange&) -> awaitable<Response> { co_return Response::no_content(); };
  router.add("GET", "/images/json", nothing);
  router.add("GET", "/images/{name:*}/json", nothing);
  router.add("POST", "/containers/{id}/start", nothing);
  router.add("GET", "/new", nothing, {1, 44});
  const auto find = [&](const std::string& method, const std::string& path) {
    return router.match(method, path, kNewestVersion);
  };
  EXPECT_TRUE(find("GET", "/images/json").parameters.empty());
  EXPECT_EQ(find("GET", "/images/localhost:5000/a/b:1/json").parameters.at("name"), "localhost:5000/a/b:1");
  EXPECT_EQ(find("POST", "/containers//web/start").parameters.at("id"), "web");
  EXPECT_EQ(find("POST", "/containers/a/b/start").handler, nullptr);
  EXPECT_EQ(find("GET", "/images//json").handler, find("GET", "/images/json").handler);
  EXPECT_TRUE(find("GET", "/containers/a/start").path_known);
  EXPECT_EQ(find("GET", "/containers/a/start").handler, nullptr);
  EXPECT_FALSE(find("GET", "/nope").path_known);
  EXPECT_EQ(router.match("GET", "/new", {1, 43}).handler, nullptr);
  EXPECT_NE(router.match("GET", "/new", {1, 44}).handler, nullptr);
}

TEST(DetachKeys, AreNamedAsTheCliDoes) {
  EXPECT_EQ(DetachKeys{""}.bytes(), "\x10\x11");
  EXPECT_EQ(DetachKeys{"ctrl-a,x"}.bytes(), "\x01x");
  EXPECT_EQ(DetachKeys{"ctrl-@,ctrl-[,ctrl-_,DEL"}.bytes(), (std::string{"\0\x1b\x1f\x7f", 4}));
  for (const char* bad : {"ctrl-", "ctrl-aa", "xy", "a,", "ctrl-1"}) {
    EXPECT_EQ(message_of([&] { DetachKeys{bad}; }), std::string{"Invalid detach keys ("} + bad + ") provided");
  }
}

TEST(DetachKeys, AreHeldBackUntilDecided) {
  DetachKeys keys{"a,a,b"};
  std::string out;
  EXPECT_FALSE(keys.filter("xa", out));
  EXPECT_EQ(out, "x");
  EXPECT_FALSE(keys.filter("a", out));
  EXPECT_FALSE(keys.filter("a", out));
  EXPECT_EQ(out, "xa") << "two of the three may still begin a sequence";
  EXPECT_FALSE(keys.filter("c", out));
  EXPECT_EQ(out, "xaaac");
  EXPECT_TRUE(keys.filter("aabrest", out));
  EXPECT_EQ(out, "xaaac");
}

}  // namespace
}  // namespace gantry::api
