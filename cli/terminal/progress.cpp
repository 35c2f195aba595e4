#include "terminal/progress.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "format/units.hpp"

namespace gantry::cli {

namespace {

std::string text(const Json& message, const char* key) {
  const auto found = message.find(key);
  return found != message.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number(const Json& message, const char* key) {
  const auto found = message.find(key);
  return found != message.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

}  // namespace

std::string progress_bar(const Json& detail, unsigned columns) {
  const std::int64_t current = number(detail, "current");
  const std::int64_t total = number(detail, "total");
  if (current <= 0 && total <= 0) return "";
  const std::string units = text(detail, "units");
  const auto shown = [&](std::int64_t value) {
    return units.empty() ? human_size(static_cast<double>(value)) : std::to_string(value) + " " + units;
  };
  if (total <= 0) {
    std::string alone = shown(current);
    if (alone.size() < 8 && units.empty()) alone.insert(0, 8 - alone.size(), ' ');
    return alone;
  }
  std::string out;
  const bool hides = detail.value("hidecounts", false);
  const std::int64_t percentage = std::min<std::int64_t>(current * 100 / total / 2, 50);
  if (columns > 110) {
    const auto filled = static_cast<std::size_t>(std::max<std::int64_t>(percentage, 0));
    out = "[" + std::string(filled, '=') + ">" + (filled < 50 ? std::string(50 - filled, ' ') : "") + "] ";
  }
  if (hides) return out;
  std::string counts = shown(current);
  if (units.empty() && counts.size() < 8) counts.insert(0, 8 - counts.size(), ' ');
  if (current <= total) counts += "/" + shown(total);
  return out + counts;
}

ProgressPrinter::ProgressPrinter(Write write, unsigned columns) : write_(std::move(write)), columns_(columns) {}

void ProgressPrinter::feed(std::string_view bytes) {
  pending_ += bytes;
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = pending_.find('\n', start);
    if (end == std::string::npos) break;
    message(std::string_view(pending_).substr(start, end - start));
    start = end + 1;
  }
  pending_.erase(0, start);
  if (!pending_.empty() && Json::accept(pending_)) {
    const std::string last = std::exchange(pending_, {});
    message(last);
  }
}

void ProgressPrinter::message(std::string_view line) {
  if (line.find_first_not_of(" \r\n\t") == std::string_view::npos) return;
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) throw Failure("malformed progress message from the daemon");
  if (json.contains("aux")) {
    if (on_aux) on_aux(json["aux"]);
    return;
  }
  const auto detail = json.find("errorDetail");
  if (detail != json.end() && detail->is_object()) {
    const std::int64_t code = number(*detail, "code");
    throw Failure(text(*detail, "message"), code > 0 && code < 256 ? static_cast<int>(code) : 1);
  }
  if (!text(json, "error").empty()) throw Failure(text(json, "error"));
  show(json);
}

void ProgressPrinter::show(const Json& message) {
  const std::string id = text(message, "id");
  const auto found = message.find("progressDetail");
  const std::string bar =
      found != message.end() && found->is_object() ? progress_bar(*found, columns_) : text(message, "progress");
  const bool is_terminal = columns_ > 0;
  if (!is_terminal && !bar.empty()) return;
  std::string out;
  std::size_t up = 0;
  if (!id.empty() && is_terminal && (found != message.end() || !bar.empty())) {
    const auto [place, is_new] = lines_.emplace(id, lines_.size());
    if (is_new) out += "\n";
    up = lines_.size() - place->second;
    out += "\x1b[" + std::to_string(up) + "A\x1b[2K\r";
  } else if (is_terminal) {
    lines_.clear();
  }
  if (!text(message, "stream").empty()) {
    write_(out + text(message, "stream"));
    return;
  }
  if (!id.empty()) out += id + ": ";
  if (!text(message, "from").empty()) out += "(from " + text(message, "from") + ") ";
  out += text(message, "status");
  if (!bar.empty()) {
    out += " " + bar;
  }
  if (up > 0) {
    out += "\r\x1b[" + std::to_string(up) + "B";
  } else {
    out += "\n";
  }
  write_(out);
}

}  // namespace gantry::cli
