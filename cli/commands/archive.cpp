#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "client/lent_file.hpp"
#include "client/pending_file.hpp"
#include "commands/archive_file.hpp"
#include "commands/commands.hpp"
#include "commands/file_source.hpp"
#include "commands/stream_output.hpp"
#include "gantry/unique_fd.hpp"
#include "parse/platform.hpp"
#include "parse/reference.hpp"
#include "parse/text.hpp"
#include "terminal/session.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

namespace {

void copy_body(Exchange& exchange, int fd) {
  std::array<char, 65536> buffer;
  while (const std::size_t size = exchange.read_body(std::span<char>(buffer))) {
    write_fully(fd, {buffer.data(), size});
  }
}

void upload(Context& context, const std::string& path, int fd, bool quiet) {
  FileSource source(fd);
  const auto exchange =
      context.client().upload("POST", path, [&] { return source(); }, {{"Content-Type", "application/x-tar"}});
  if (starts_with(exchange->header("Content-Type"), "application/json")) {
    show_progress(*exchange, STDOUT_FILENO, quiet);
  } else {
    copy_body(*exchange, STDOUT_FILENO);
  }
}

/// Lets the daemon read the archive where it is. False: it must be sent.
bool load_lent(Context& context, const std::string& query, int fd) {
  const auto claim = describe_for_lending(context.client(), fd);
  if (!claim) return false;
  std::unique_ptr<Exchange> exchange;
  try {
    exchange = context.client().stream("POST", "/images/load/lent" + query, claim->dump());
  } catch (const DaemonError&) {
    // Docker's, or one that sees other files.
    return false;
  }
  // As if it had been read.
  ::lseek(fd, 0, SEEK_END);
  show_progress(*exchange, STDOUT_FILENO, false);
  return true;
}

}  // namespace

UniqueFd open_archive(const std::string& path) {
  UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) throw_open_failure(path);
  return file;
}

void check_output_path(const std::string& path, const std::string& what) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return;
  const std::string folder = path.substr(0, slash);
  if (::access(folder.c_str(), F_OK) == 0) return;
  throw Failure(what + ": invalid output path: stat " + folder + ": " + lower(std::strerror(errno)));
}

void write_archive(Exchange& exchange, const std::string& path) {
  if (path.empty()) return copy_body(exchange, STDOUT_FILENO);
  PendingFile file(path);
  copy_body(exchange, file.fd());
  file.commit();
}

namespace {

std::string platform_json(const std::string& text) {
  try {
    return text.empty() ? "" : parse_platform(text).json();
  } catch (const InvalidValue& error) {
    throw Failure(std::string("invalid platform: ") + error.what());
  }
}

}  // namespace

int image_load(Context& context) {
  std::string input;
  std::string platform;
  bool quiet = false;
  Flags flags;
  flags.text("input,i", input, "Read from tar archive file, instead of STDIN")
      .text("platform", platform,
            "Load only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")")
      .toggle("quiet,q", quiet, "Suppress the load output");
  context.parse(flags, Arity::none());
  UniqueFd file;
  if (!input.empty()) {
    file = open_archive(input);
  } else if (is_terminal(STDIN_FILENO)) {
    throw Failure("requested load from stdin, but stdin is empty");
  }
  Query query;
  query.add("quiet", quiet || !is_terminal(STDOUT_FILENO) ? "1" : "0");
  query.add_if(!platform.empty(), "platform", platform_json(platform));
  const int fd = file ? file.get() : STDIN_FILENO;
  if (!load_lent(context, query.text(), fd)) upload(context, "/images/load" + query.text(), fd, false);
  return 0;
}

int image_save(Context& context) {
  std::string output;
  std::string platform;
  Flags flags;
  flags.text("output,o", output, "Write to a file, instead of STDOUT")
      .text("platform", platform,
            "Save only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")");
  const auto names = context.parse(flags, Arity::at_least(1));
  if (output.empty() && is_terminal(STDOUT_FILENO)) {
    throw Failure("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  }
  check_output_path(output, "failed to save image");
  Query query;
  for (const std::string& name : names) query.add("names", name);
  query.add_if(!platform.empty(), "platform", platform_json(platform));
  const auto exchange = context.client().stream("GET", "/images/get" + query.text());
  write_archive(*exchange, output);
  return 0;
}

int image_import(Context& context) {
  std::vector<std::string> changes;
  std::string message;
  std::string platform;
  Flags flags;
  flags.list("change,c", changes, "Apply Dockerfile instruction to the created image")
      .text("message,m", message, "Set commit message for imported image")
      .text("platform", platform, "Set platform if server is multi-platform capable");
  const auto words = context.parse(flags, Arity::at_least(1));
  const bool is_url = starts_with(words[0], "http://") || starts_with(words[0], "https://");
  if (words.size() > 1) parse_reference(words[1]);
  Query query;
  query.add("fromSrc", is_url ? words[0] : "-");
  if (words.size() > 1) query.add("repo", words[1]);
  query.add_if(!message.empty(), "message", message);
  for (const std::string& change : changes) query.add("changes", change);
  query.add_if(!platform.empty(), "platform", platform);
  if (is_url) {
    const auto exchange = context.client().stream("POST", "/images/create" + query.text());
    show_progress(*exchange, STDOUT_FILENO, false);
    return 0;
  }
  UniqueFd file;
  if (words[0] != "-") file = open_archive(words[0]);
  upload(context, "/images/create" + query.text(), file ? file.get() : STDIN_FILENO, false);
  return 0;
}

}  // namespace gantry::cli
