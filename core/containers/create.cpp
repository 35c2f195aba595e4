#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.hpp"
#include "base/id.hpp"
#include "containers/concurrent.hpp"
#include "containers/defaults.hpp"
#include "containers/impl.hpp"
#include "containers/links.hpp"
#include "containers/mount_points.hpp"
#include "containers/names.hpp"
#include "containers/ports.hpp"
#include "containers/spec.hpp"
#include "containers/user_namespace.hpp"
#include "containers/validate.hpp"
#include "gantry/unique_fd.hpp"
#include "images/platform.hpp"

namespace gantry::containers {

namespace {

// dockerd: the endpoints that are named, or the one of the network mode.
std::map<std::string, wire::EndpointSettings> requested_endpoints(const CreateRequest& request,
                                                                  const std::string& mode) {
  std::map<std::string, wire::EndpointSettings> endpoints;
  if (joins_container(mode)) return endpoints;
  endpoints = request.body.endpoints;
  if (auto standard = endpoints.extract("default"); !standard.empty()) {
    standard.key() = "bridge";
    endpoints.insert(std::move(standard));
  }
  if (endpoints.empty()) endpoints[mode];
  if (!request.body.config.mac_address.empty() && endpoints.contains(mode) && endpoints[mode].mac_address.empty()) {
    endpoints[mode].mac_address = request.body.config.mac_address;
  }
  return endpoints;
}

// Links are the default networks'; a user's network has those of its endpoint's settings.
void drop_links(wire::HostConfig& host) {
  if (joins_container(host.network_mode) || networks::Service::predefined(host.network_mode)) return;
  host.links.clear();
  host.blank.erase("Links");
}

void make_folder(const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed || ::chmod(folder.c_str(), 0710) != 0) throw Error{Errc::io, "cannot make " + folder};
}

}  // namespace

awaitable<void> Service::Impl::make_volumes(Container& container, std::shared_ptr<const images::Image> image) {
  std::vector<Unfilled> unfilled;
  for (MountPoint& place : container.mounts) {
    if (place.type != "volume") continue;
    std::optional<Options> options;
    std::map<std::string, std::string> labels;
    for (const auto& mount : container.host_config.mounts) {
      if (!place.from_mounts || clean_path(mount.target) != place.destination || !mount.volume) continue;
      labels = mount.volume->labels;
      if (mount.volume->driver_config && !mount.volume->driver_config->options.empty()) {
        options.emplace(mount.volume->driver_config->options);
      }
    }
    // As dockerd: a mount without a source is not what a prune takes by default.
    if (place.name.empty() && !place.from_mounts) labels[volumes::kAnonymousLabel] = "";
    const auto found = co_await at.volumes.get_or_create(place.name, place.driver, options, labels, container.id);
    place.name = found.volume->name;
    place.driver = found.volume->driver;
    place.source = found.volume->mountpoint;
    if (place.no_copy || !place.subpath.empty() || found.volume->read_only) continue;
    const bool plain = !options && found.volume->options.empty();
    unfilled.push_back({place.name, place.destination, plain ? place.source : ""});
  }
  if (!unfilled.empty() && !image->chain_ids.empty()) co_await fill_volumes(container.id, std::move(unfilled));
}

awaitable<void> Service::Impl::prepare(std::shared_ptr<const Container> container,
                                       std::shared_ptr<const images::Image> image) {
  co_await at.images.ensure_unpacked(image);
  storage::v1::PrepareOptions options;
  const auto& wanted = container->host_config.storage_opt;
  if (const auto size = wanted.find("size"); size != wanted.end())
    options.size_limit = parse_bytes(size->second, "size");
  const std::string key = container->id;
  const auto layers = image->chain_ids;
  const auto files = sandbox_files(*container, {});
  plugins::CallSettings call_settings;
  // One trip to a worker for the top and the container's files.
  const auto ask_to_prepare = [key, layers, options, files](auto& driver, const Call& call) {
    std::vector<Mount> mounts;
    driver.prepare(key, layers, options, mounts, call);
    make_folder(files.folder);
    write(files);
    return mounts;
  };
  const auto its = live(key);
  its->root = co_await at.drivers.call(at.drivers.storage(), Pool::quick, call_settings, ask_to_prepare);
  its->files_written = true;
}

awaitable<void> Service::Impl::undo_create(Container container) {
  const std::string key = container.id;
  try {
    for (const MountPoint& place : container.mounts) {
      if (place.anonymous && !place.name.empty()) co_await at.volumes.remove_if_unused(place.name);
    }
    plugins::CallSettings call_settings;
    const auto ask_to_remove = [key](auto& driver, const Call& call) { driver.remove(key, call); };
    co_await at.drivers.call(at.drivers.storage(), Pool::quick, call_settings, ask_to_remove);
    const std::string mine = folder(key);
    co_await at.workers.run(Pool::quick, [&mine] {
      std::error_code ignored;
      std::filesystem::remove_all(mine, ignored);
    });
  } catch (const std::exception&) {
    // Recovery's sweep finds what is left: no record names it.
  }
  lives.erase(key);
}

// As dockerd, a network's may be missing until the start. What is missing is the request's fault here: with "not found"
// clients would look for the image.
void Service::Impl::resolve_joined(wire::HostConfig& host) const {
  for (std::string* mode : {&host.network_mode, &host.pid_mode, &host.ipc_mode}) {
    if (!joins_container(*mode)) continue;
    const std::string other = joined_container(*mode);
    if (is_known(other)) {
      *mode = join_mode(find(other)->id);
    } else if (mode != &host.network_mode) {
      throw Error{Errc::invalid, "No such container: " + other};
    }
  }
}

// What was not there when it was named may come to join the one that named it.
Service::Snapshot Service::Impl::network_owner(Snapshot container) const {
  std::set<std::string> seen;
  while (joins_container(container->host_config.network_mode)) {
    if (!seen.insert(container->id).second) {
      throw Error{Errc::invalid, "container " + container->id + " joins its own network"};
    }
    container = find(joined_container(container->host_config.network_mode));
  }
  return container;
}

void Service::Impl::resolve_links(wire::HostConfig& host) const {
  for (std::string& text : host.links) {
    const Link link = parse_link(text);
    try {
      const auto linked = network_owner(find(link.target));
      if (linked->host_config.network_mode == "host") {
        throw Error{
            Errc::invalid,
            "conflicting options: host type networking can't be used with links. This would result in undefined "
            "behavior"};
      }
      text = linked->id + ":" + link.alias;
    } catch (const Error& error) {
      if (error.code() != Errc::not_found) throw;
      throw Error{Errc::invalid, "could not get container for " + link.target + ": " + error.what()};
    }
  }
}

void Service::Impl::plan(Container& container, const CreateRequest& request, const images::Image& image,
                         std::vector<std::string>& warnings) {
  container.created = now();
  container.passing = request.passing;
  container.config = request.body.config;
  container.host_config = request.body.host_config;
  discard_weights(container.host_config.resources, warnings);
  validate(container.config, container.host_config, warnings);
  merge_image(container.config, image.config);
  validate_health(container.config);
  fill_defaults(container.id, container.config, container.host_config, settings, at.drivers.default_runtime());
  if (container.command().empty()) throw Error{Errc::invalid, "no command specified"};
  check_user_namespace(container.host_config, settings);
  resolve_joined(container.host_config);
  drop_links(container.host_config);
  resolve_links(container.host_config);
  container.image_id = image.id;
  container.endpoints = requested_endpoints(request, container.host_config.network_mode);
  for (const auto& [network, asked] : container.endpoints) {
    try {
      at.networks.check(endpoint_request(network, asked));
    } catch (const Error& error) {
      throw Error{error.code(), "invalid config for network " + network + ": " + error.what()};
    }
  }
  container.storage_driver = at.drivers.storage().name();
  // A missing container is the request's fault here: with "not found" clients would look for the image.
  const auto find_other = [this](const std::string& name) {
    if (!is_known(name)) throw Error{Errc::invalid, "No such container: " + name};
    return *find(name);
  };
  container.mounts = mount_points(container.config, container.host_config, find_other, request.binds_readonly_at_top);
  for (MountPoint& place : container.mounts) {
    if (place.type != "image" || !place.source.empty()) continue;
    try {
      place.source = at.images.get(place.name)->id;
    } catch (const Error& error) {
      if (error.code() != Errc::not_found) throw;
      throw Error{Errc::invalid, error.what()};  // with "not found" clients would pull the container's own image
    }
  }
  // What a start would refuse for its form is refused now.
  (void)runtime_of(container);
  (void)published_ports(container.config, container.host_config);
  check_spec(container, settings);
}

// What is wrong with the devices is said by the start, as in dockerd.
awaitable<void> Service::Impl::warn_of_hooks(const Container& container, std::vector<std::string>& warnings) {
  const auto& requests = container.host_config.resources.device_requests;
  if (requests.empty()) co_return;
  const auto look_up = [&] {
    try {
      return named_devices(requests, settings.cdi_spec_dirs).wants_hooks;
    } catch (const Error&) {
      return false;
    }
  };
  if (!co_await at.workers.run(Pool::quick, look_up)) co_return;
  warnings.emplace_back("The CDI files of the container's devices ask for hooks, which are not run");
}

namespace {

// Not found: so that clients pull the one that was asked for.
void check_platform(const std::string& asked, const std::string& name, const images::Image& image) {
  if (asked.empty()) return;
  const auto wanted = images::parse_platform(asked);
  const images::Platform actual{image.os, image.architecture, image.variant};
  if (images::match_platform(wanted, actual) != 0) return;
  throw Error{Errc::not_found, "image with reference " + name +
                                   " was found but does not match the specified platform: wanted " + wanted.str() +
                                   ", actual: " + actual.str()};
}

}  // namespace

awaitable<Created> Service::Impl::create(CreateRequest request) {
  Created created;
  std::string name = request.name;
  if (name.empty()) {
    name = free_name();
  } else {
    if (name.size() > 1 && name.starts_with('/')) name.erase(0, 1);
    if (!is_valid_name(name)) throw_invalid_name(request.name);
    check_name(name);
  }
  if (request.body.config.image.empty()) throw Error{Errc::invalid, "no command specified"};
  const auto image = at.images.get(request.body.config.image);
  check_platform(request.platform, request.body.config.image, *image);
  auto container = std::make_shared<Container>();
  container->id = created.id = random_id();
  container->name = name;
  const auto its = live(container->id);
  its->trace.begin("create");
  creating[container->id] = container;
  std::exception_ptr failure;
  try {
    plan(*container, request, *image, created.warnings);
    co_await check_log(*container);
    co_await warn_of_hooks(*container, created.warnings);
    its->trace.step("plan");
    co_await prepare(container, image);
    its->trace.step("storage.prepare");
    co_await make_volumes(*container, image);
    its->trace.step("volumes");
    // Someone may have removed the image by force meanwhile.
    (void)at.images.get(image->id);
    at.store.update([&](state::Transaction& transaction) { table.put(transaction, container->id, *container); });
    names[container->name] = container->id;
    its->trace.step("commit");
  } catch (...) {
    failure = std::current_exception();
  }
  creating.erase(container->id);  // before the undo, for which its volumes must count as unused
  if (failure) {
    co_await undo_create(*container);
    std::rethrow_exception(failure);
  }
  publish("create", *container);
  co_return created;
}

awaitable<Created> Service::create(CreateRequest request) { return impl_->create(std::move(request)); }

void Service::lend_environment(const std::string& id, std::vector<std::string> environment) {
  impl_->live(find(id)->id)->lent_env = std::move(environment);
}

}  // namespace gantry::containers
