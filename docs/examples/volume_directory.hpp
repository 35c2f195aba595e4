#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gantry/volume.hpp"

/// A volume driver in a page: each volume is a directory.
namespace sample {

namespace fs = std::filesystem;

class VolumeDirectory : public gantry::volume::v1::Driver {
 public:
  void capabilities(gantry::Capabilities&) const override {}

  void options(std::vector<gantry::OptionInfo>& out) const override {
    out.push_back(
        {"read-only", gantry::OptionType::boolean, gantry::OptionScope::driver, "false", "mount all read-only"});
    out.push_back({"note", gantry::OptionType::text, gantry::OptionScope::object, "", "shown by volume inspect"});
  }

  void open(gantry::Host& host) override {
    root_ = host.data_dir();
    read_only_ = host.options().at("read-only") == "true";
  }

  void create(const std::string& name, const gantry::Options& options, gantry::volume::v1::Volume& out,
              const gantry::Call& call) override {
    fs::create_directories(root_ / name / "data");
    if (const auto note = options.find("note"); note != options.end())
      std::ofstream{root_ / name / "note"} << note->second;
    inspect(name, out, call);
  }

  void remove(const std::string& name, const gantry::Call&) override { fs::remove_all(root_ / name); }

  void inspect(const std::string& name, gantry::volume::v1::Volume& out, const gantry::Call&) override {
    check(name);
    out.name = name;
    out.mountpoint = root_ / name / "data";
    std::string note;
    if (std::getline(std::ifstream{root_ / name / "note"}, note)) out.status.emplace_back("note", note);
  }

  void mount(const std::string& name, const std::string&, gantry::Mount& out, const gantry::Call&) override {
    check(name);
    out.type = "bind";
    out.source = root_ / name / "data";
    out.options = {"rbind", read_only_ ? "ro" : "rw"};
  }

  void unmount(const std::string&, const std::string&, const gantry::Call&) override {}

  void usage(const std::string& name, gantry::volume::v1::Usage& out, const gantry::Call& call) override {
    check(name);
    for (const auto& entry : fs::recursive_directory_iterator{root_ / name / "data"}) {
      call.check();
      if (fs::is_regular_file(entry.symlink_status())) out.size += entry.file_size();
    }
  }

  void list(std::vector<std::string>& out, const gantry::Call&) override {
    for (const auto& entry : fs::directory_iterator{root_}) out.push_back(entry.path().filename());
  }

 private:
  void check(const std::string& name) const {
    if (!fs::exists(root_ / name)) throw gantry::Error{gantry::Errc::not_found, "no such volume: " + name};
  }

  fs::path root_;
  bool read_only_ = false;
};

}  // namespace sample
