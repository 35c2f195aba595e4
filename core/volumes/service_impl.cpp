#include "volumes/service_impl.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "plugins/options.hpp"

namespace gantry::volumes {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::size_t kLongestName = 255;

}  // namespace

void check_name(const std::string& name) {
  if (name.size() == 1) {
    throw Error{Errc::invalid, "volume name is too short, names should be at least two alphanumeric characters"};
  }
  const auto allowed = [](char c) {
    return kLetters.find(c) != std::string_view::npos || c == '_' || c == '.' || c == '-';
  };
  if (name.empty() || kLetters.find(name.front()) == std::string_view::npos ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    throw Error{Errc::invalid,
                "\"" + name +
                    "\" includes invalid characters for a local volume name, only "
                    "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, "
                    "use absolute path"};
  }
  if (name.size() > kLongestName)
    throw Error{Errc::invalid, "volume name is too long, at most 255 characters are allowed"};
}

void rethrow_as(const std::string& operation, const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    throw Error{error.code(), operation + ": " + error.what()};
  }
}

Service::Impl::Snapshot Service::Impl::find(const std::string& name) const {
  auto volume = table.find(name);
  return volume && volume->phase == Phase::ready ? volume : nullptr;
}

Service::Impl::Snapshot Service::Impl::put(Volume volume) {
  Snapshot snapshot;
  store.update([&](state::Transaction& transaction) {
    const std::string name = volume.name;
    snapshot = table.put(transaction, name, std::move(volume));
  });
  return snapshot;
}

void Service::Impl::erase(const std::string& name) {
  store.update([&](state::Transaction& transaction) { table.erase(transaction, name); });
}

void Service::Impl::publish(const std::string& action, const Volume& volume,
                            std::map<std::string, std::string> attributes) {
  attributes["driver"] = volume.driver;
  bus.publish({"volume", action, volume.name, std::move(attributes), 0});
}

awaitable<void> Service::Impl::check_driver(std::string name, std::string driver) {
  try {
    co_await drivers.use_volume(driver);
  } catch (...) {
    rethrow_as("create " + name, std::current_exception());
  }
}

awaitable<std::string> Service::Impl::create_in_driver(Volume volume) {
  const plugins::VolumeDriver driver = co_await drivers.use_volume(volume.driver);
  const plugins::CallSettings settings;
  const auto work = [name = volume.name, options = volume.options](auto& target, const Call& call) {
    volume::v1::Volume out;
    target.create(name, options, out, call);
    return out.mountpoint;
  };
  co_return co_await drivers.call(driver, Pool::quick, settings, work);
}

awaitable<void> Service::Impl::remove_in_driver(Volume volume) {
  const plugins::VolumeDriver driver = co_await drivers.use_volume(volume.driver);
  const plugins::CallSettings settings;
  const auto work = [name = volume.name](auto& target, const Call& call) { target.remove(name, call); };
  co_await drivers.call(driver, Pool::quick, settings, work);
}

awaitable<Service::Impl::Snapshot> Service::Impl::make(Volume volume, Use fill) {
  std::exception_ptr failure;
  bool made_there = false;
  try {
    const plugins::VolumeDriver driver = co_await drivers.use_volume(volume.driver);
    check_name(volume.name);
    if (!driver.can("any-options")) {
      plugins::check_option_names(driver.info(), OptionScope::object, volume.options);
    }
    put(volume);
    volume.mountpoint = co_await create_in_driver(volume);
    made_there = true;
    if (fill) {
      const Mount mount = co_await borrow(volume);
      co_await fill(mount);
      co_await give_back(volume);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    if (made_there) co_await undo_fill(volume);
    if (table.find(volume.name)) erase(volume.name);
    rethrow_as("create " + volume.name, failure);
  }
  volume.phase = Phase::ready;
  const Snapshot made = put(volume);
  publish("create", *made);
  co_return made;
}

/// What a fill that failed has left; what can't be removed now is removed at the next start.
awaitable<void> Service::Impl::undo_fill(Volume volume) {
  try {
    co_await give_back(volume);
    co_await remove_in_driver(volume);
  } catch (const Error& error) {
    spdlog::error("volume {} is not removed: {}", volume.name, error.what());
  }
}

awaitable<void> Service::Impl::unmake(Snapshot volume, bool force) {
  Volume record = *volume;
  record.phase = Phase::removing;
  put(record);
  std::exception_ptr failure;
  try {
    co_await remove_in_driver(record);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure && !force) {
    put(*volume);
    rethrow_as("remove " + volume->name, failure);
  }
  erase(volume->name);
  publish("destroy", *volume);
}

awaitable<std::int64_t> Service::Impl::size_of(Snapshot volume) {
  std::int64_t size = -1;
  try {
    const plugins::VolumeDriver driver = co_await drivers.use_volume(volume->driver);
    const plugins::CallSettings settings;
    const auto work = [name = volume->name](auto& target, const Call& call) {
      volume::v1::Usage usage;
      target.usage(name, usage, call);
      return static_cast<std::int64_t>(usage.size);
    };
    size = co_await drivers.call(driver, Pool::slow, settings, work);
  } catch (const Error&) {
    size = -1;  // as the API has it for "not known"
  }
  co_return size;
}

}  // namespace gantry::volumes
