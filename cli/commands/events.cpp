#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "format/go_value.hpp"
#include "format/template.hpp"
#include "parse/quantity.hpp"

namespace gantry::cli {

namespace {

std::string stamp(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::time_t seconds = nanoseconds / kSecond;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 32> date{};
  std::array<char, 8> zone{};
  std::array<char, 16> fraction{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::strftime(zone.data(), zone.size(), "%z", &parts);
  std::snprintf(fraction.data(), fraction.size(), ".%09lld", static_cast<long long>(nanoseconds % kSecond));
  const std::string offset = zone.data();
  return std::string(date.data()) + fraction.data() +
         (offset == "+0000" ? "Z" : offset.substr(0, 3) + ":" + offset.substr(3));
}

std::string line_of(const Json& event) {
  std::string line =
      stamp(event.value("timeNano", std::int64_t{0})) + " " + event.value("Type", "") + " " + event.value("Action", "");
  const Json actor = event.value("Actor", Json::object());
  line += " " + actor.value("ID", "");
  std::vector<std::string> pairs;
  if (actor.contains("Attributes") && actor["Attributes"].is_object()) {
    for (const auto& item : actor["Attributes"].items()) pairs.push_back(item.key() + "=" + go_text(item.value()));
  }
  std::sort(pairs.begin(), pairs.end());
  if (pairs.empty()) return line;
  std::string all;
  for (const std::string& pair : pairs) all += (all.empty() ? "" : ", ") + pair;
  return line + " (" + all + ")";
}

std::string parameter(const std::string& text) {
  if (text.empty()) return "";
  try {
    return parse_timestamp(text, now_nanoseconds());
  } catch (const InvalidValue& error) {
    throw Failure(error.what());
  }
}

}  // namespace

int system_events(Context& context) {
  std::string since;
  std::string until;
  ListFlags list;
  Flags flags;
  list.declare_filter(flags, "Filter output based on conditions provided");
  list.declare_format(flags, false);
  flags.text("since", since, "Show all events created since timestamp")
      .text("until", until, "Stream events until this timestamp");
  context.parse(flags, Arity::none());
  std::unique_ptr<Template> text;
  if (!list.format.empty()) {
    try {
      text = std::make_unique<Template>(list.format == "json" ? "{{json .}}" : list.format);
    } catch (const TemplateError& error) {
      throw Failure(std::string("Error parsing format: ") + error.what(), 64);
    }
  }
  Query query;
  list.add_filters(query);
  const std::string since_time = parameter(since);
  const std::string until_time = parameter(until);
  query.add_if(!since_time.empty(), "since", since_time).add_if(!until_time.empty(), "until", until_time);
  const auto exchange = context.client().stream("GET", "/events" + query.text());
  std::string pending;
  std::array<char, 16384> buffer;
  while (const std::size_t size = exchange->read_body(std::span<char>(buffer))) {
    pending.append(buffer.data(), size);
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const Json event = Json::parse(pending.substr(0, end), nullptr, false);
      pending.erase(0, end + 1);
      if (!event.is_object()) continue;
      try {
        std::printf("%s\n", text ? text->execute({go_type("*events.Message"), event}).c_str() : line_of(event).c_str());
      } catch (const TemplateError& error) {
        throw Failure(std::string("Error parsing format: ") + error.what(), 64);
      }
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace gantry::cli
