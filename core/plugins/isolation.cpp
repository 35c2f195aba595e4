#include "plugins/isolation.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "isolated/kinds.hpp"
#include "plugins/drivers.hpp"
#include "plugins/log.hpp"

namespace gantry::plugins {
namespace {

std::string full_name_of(const DriverInfo& driver) { return driver.kind + "/" + driver.name; }

/// A file that was refused may be of none.
bool has_kind(const DriverInfo& driver) { return isolated::find_kind(driver.kind) != nullptr; }

}  // namespace

Isolation::Isolation(const DriverConfig& config) : all_(config.isolate_all), names_(config.isolated) {
  if (any()) program_ = std::make_shared<const isolated::HostProgram>(config.libexec_dir + "/gantry-driver-host");
}

Isolation::~Isolation() {
  if (!ends_->wait())
    spdlog::warn("a driver's process does not end, though it was killed; nobody waits for it any more");
}

bool Isolation::names(const DriverInfo& driver) const {
  return std::ranges::any_of(
      names_, [&](const std::string& name) { return name == driver.name || name == full_name_of(driver); });
}

bool Isolation::wants(const DriverInfo& driver) const { return has_kind(driver) && (all_ || names(driver)); }

DriverInfo Isolation::question(const std::string& file) const {
  const auto held = std::make_shared<const isolated::DriverFile>(file);
  isolated::Description said = isolated::describe(*program_, *held);
  DriverInfo info;
  info.kind = std::move(said.kind);
  info.name = std::move(said.name);
  info.version = std::move(said.version);
  info.interface = std::move(said.interface);
  info.file = file;
  info.held = held;
  info.capabilities = std::move(said.capabilities);
  info.options = std::move(said.options);
  return info;
}

void Isolation::check(const std::vector<DriverInfo>& drivers) const {
  for (const std::string& name : names_) {
    const DriverInfo* refused = nullptr;
    bool found = false;
    for (const DriverInfo& driver : drivers) {
      if (name != driver.name && name != full_name_of(driver)) continue;
      found = found || has_kind(driver);
      if (!has_kind(driver)) refused = &driver;
    }
    if (found) continue;
    std::string known;
    for (const DriverInfo& driver : drivers) {
      if (has_kind(driver)) known += (known.empty() ? "" : ", ") + full_name_of(driver);
    }
    throw Error{Errc::invalid, "isolate-plugins: there is no driver \"" + name + "\"; there are: " + known +
                                   (refused == nullptr ? "" : " (refused: " + refused->error + ")")};
  }
}

template <class Driver>
std::function<void(isolated::Lesson)> Isolation::relearning(const WeakRemote& self,
                                                            const std::shared_ptr<const DriverInfo>& driver,
                                                            Lessons<Driver> Teach::*lessons) const {
  return [self, driver, lessons, teacher = teacher_](isolated::Lesson lesson) {
    const std::shared_ptr<isolated::Remote> remote = self->lock();
    if (!remote) return;
    const std::scoped_lock guard{teacher->mutex};
    if (!(teacher->teach.*lessons)) return remote->ready(lesson);
    const isolated::Kind* kind = isolated::find_kind(Driver::kKind);
    auto proxy = std::static_pointer_cast<Driver>(kind->make_proxy(remote, lesson));
    (teacher->teach.*lessons)({std::move(proxy), driver}, [remote, lesson] { remote->ready(lesson); });
  };
}

std::shared_ptr<void> Isolation::make(const std::shared_ptr<const DriverInfo>& driver) {
  const isolated::Kind* kind = isolated::find_kind(driver->kind);
  isolated::RemoteSettings settings;
  settings.program = program_;
  settings.file = driver->held;
  settings.description = {driver->kind,      driver->name,         driver->version,
                          driver->interface, driver->capabilities, driver->options};
  settings.title = driver->kind + " driver \"" + driver->name + "\"";
  settings.log = [driver](LogLevel level, std::string_view line) { log_line(*driver, level, line); };
  settings.report = [](LogLevel level, const std::string& line) {
    spdlog::log(level == LogLevel::error ? spdlog::level::err : spdlog::level::info, "{}", line);
  };
  settings.ends = ends_;
  const auto self = std::make_shared<std::weak_ptr<isolated::Remote>>();
  if (driver->kind == network::v1::Driver::kKind) settings.relearn = relearning(self, driver, &Teach::network);
  if (driver->kind == ipam::v1::Driver::kKind) settings.relearn = relearning(self, driver, &Teach::ipam);
  const auto remote = std::make_shared<isolated::Remote>(std::move(settings));
  *self = remote;
  const std::scoped_lock guard{mutex_};
  std::erase_if(remotes_, [](const auto& entry) { return entry.second.expired(); });
  remotes_.emplace(driver->file, remote);
  return kind->make_proxy(remote, isolated::kNoLesson);
}

std::vector<int> Isolation::processes(const std::string& file) {
  std::vector<int> out;
  const std::scoped_lock guard{mutex_};
  const auto [begin, end] = remotes_.equal_range(file);
  for (auto entry = begin; entry != end; ++entry) {
    const auto remote = entry->second.lock();
    if (const int pid = remote ? remote->pid() : -1; pid > 0) out.push_back(pid);
  }
  return out;
}

void Isolation::set_teach(Teach teach) {
  const std::scoped_lock guard{teacher_->mutex};
  teacher_->teach = std::move(teach);
}

}  // namespace gantry::plugins
