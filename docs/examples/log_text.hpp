#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gantry/log.hpp"

/// A log driver in two pages: each line of output becomes a line of a file, behind its time and its stream. Written by
/// code of its own in the container's gantry-logger process, and read back by the daemon.
namespace sample {

namespace logs = gantry::log::v1;

class TextCursor : public logs::Cursor {
 public:
  TextCursor(const std::string& directory, logs::ReadRequest request)
      : directory_(directory), request_(request), file_(directory + "/text.log") {
    if (request_.tail) skip_to_tail(*request_.tail);
  }

  void next(std::vector<logs::Entry>& out, const gantry::Call&) override {
    out.clear();
    if (!file_.is_open()) file_.open(directory_ + "/text.log");
    logs::Entry entry;
    while (!finished_ && read(entry)) {
      if (entry.from_stderr ? !request_.want_stderr : !request_.want_stdout) continue;
      if (entry.time < request_.since) continue;
      finished_ = request_.until != 0 && entry.time > request_.until;
      if (!finished_) out.push_back(entry);
    }
  }

  [[nodiscard]] bool finished() const noexcept override { return finished_; }
  void watched(std::vector<std::string>& out) const override { out.push_back(directory_); }

 private:
  void skip_to_tail(std::uint64_t entries) {
    std::vector<std::streampos> starts{file_.tellg()};
    for (logs::Entry entry; read(entry);) starts.push_back(file_.tellg());
    file_.clear();
    const std::size_t count = starts.size() - 1;
    file_.seekg(starts[entries >= count ? 0 : count - static_cast<std::size_t>(entries)]);
  }

  /// False at the present end, where the next call goes on.
  bool read(logs::Entry& out) {
    const std::streampos start = file_.tellg();
    std::string stream;
    if (file_ >> out.time >> stream && file_.get() == ' ' && std::getline(file_, out.text) && !file_.eof()) {
      out.from_stderr = stream == "err";
      return true;
    }
    file_.clear();
    if (start != std::streampos(-1)) file_.seekg(start);
    return false;
  }

  std::string directory_;
  logs::ReadRequest request_;
  std::ifstream file_;
  bool finished_ = false;
};

class LogText : public logs::Driver, public logs::Reader, public logs::Writer {
 public:
  void* query(std::string_view ability) noexcept override {
    if (ability == Reader::kAbility) return static_cast<Reader*>(this);
    if (ability == Writer::kAbility) return static_cast<Writer*>(this);
    return nullptr;
  }
  void capabilities(gantry::Capabilities& out) const override { out = {"read", "write"}; }
  void options(std::vector<gantry::OptionInfo>& out) const override {
    out.push_back({"prefix", gantry::OptionType::text, gantry::OptionScope::object, "", "put before each line"});
  }
  void open(gantry::Host&) override {}

  void check(const gantry::Options& options, const gantry::Call&) override {
    for (const auto& [name, value] : options) {
      if (name != "prefix") {
        throw gantry::Error{gantry::Errc::invalid, "unknown log opt '" + name + "' for text log driver"};
      }
    }
  }

  void plan(const logs::Subject& subject, const gantry::Options& options, logs::Plan& out,
            const gantry::Call&) override {
    out.writer = "process";
    out.settings = options;
    out.settings["file"] = subject.directory + "/text.log";
  }

  std::unique_ptr<logs::Cursor> read(const logs::Subject& subject, const gantry::Options&,
                                     const logs::ReadRequest& request, const gantry::Call&) override {
    return std::make_unique<TextCursor>(subject.directory, request);
  }
  void clear(const logs::Subject& subject, const gantry::Options&, const gantry::Call&) override {
    std::ofstream{subject.directory + "/text.log", std::ios::trunc};
  }

  void open(const gantry::Options& settings) override {
    file_.open(settings.at("file"), std::ios::app);
    const auto prefix = settings.find("prefix");
    if (prefix != settings.end()) prefix_ = prefix->second;
  }
  void write(const logs::Entry& entry) override {
    file_ << entry.time << (entry.from_stderr ? " err " : " out ") << prefix_ << entry.text << std::endl;
  }
  void close() override { file_.close(); }

 private:
  std::ofstream file_;
  std::string prefix_;
};

}  // namespace sample
