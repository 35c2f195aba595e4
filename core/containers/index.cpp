#include <algorithm>

#include "base/id.hpp"
#include "containers/impl.hpp"
#include "containers/links.hpp"
#include "containers/names.hpp"

namespace gantry::containers {

Service::Impl::Impl(asio::any_io_executor io, Neighbours neighbours, Settings chosen)
    : executor(std::move(io)),
      at(neighbours),
      settings(std::move(chosen)),
      table(at.store, "containers"),
      log_changes(std::make_shared<FolderChanges>(executor)),
      log_notices(executor, log_changes, settings.log_notices) {
  for (const auto& [id, container] : table.all()) names[container->name] = id;
}

Service::Snapshot Service::Impl::find(const std::string& name_or_id) const {
  const std::string wanted = name_or_id.starts_with('/') ? name_or_id.substr(1) : name_or_id;
  if (wanted.empty()) throw Error{Errc::invalid, "invalid name or ID supplied: \"\""};
  if (auto exact = table.find(wanted)) return exact;
  if (const auto named = names.find(wanted); named != names.end()) return table.find(named->second);
  if (auto called = find_linked(wanted)) return called;
  if (is_hex(wanted)) {
    const auto& all = table.all();
    const auto first = all.lower_bound(wanted);
    if (first != all.end() && first->first.starts_with(wanted)) {
      const auto second = std::next(first);
      if (second != all.end() && second->first.starts_with(wanted)) {
        throw Error{Errc::invalid, "multiple IDs found with provided prefix: " + wanted};
      }
      return first->second;
    }
  }
  throw Error{Errc::not_found, "No such container: " + name_or_id};
}

// "web/db": what the container web calls db.
Service::Snapshot Service::Impl::find_linked(const std::string& path) const {
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) return nullptr;
  const auto named = names.find(path.substr(0, slash));
  const auto owner = named == names.end() ? nullptr : table.find(named->second);
  if (!owner) return nullptr;
  for (const std::string& text : owner->host_config.links) {
    const Link link = parse_link(text);
    if (link.alias == path.substr(slash + 1)) return table.find(link.target);
  }
  return nullptr;
}

bool Service::Impl::is_known(const std::string& name_or_id) const {
  try {
    return find(name_or_id) != nullptr;
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    return false;
  }
}

std::shared_ptr<Live> Service::Impl::live(const std::string& id) {
  auto& slot = lives[id];
  if (!slot) slot = std::make_shared<Live>();
  return slot;
}

awaitable<Held> Service::Impl::hold(std::string name_or_id) {
  const std::string id = find(name_or_id)->id;
  auto its = live(id);
  auto lock = co_await its->mutex.lock();
  auto container = table.find(id);
  // Whoever held it before may have removed it.
  if (!container) throw Error{Errc::not_found, "No such container: " + name_or_id};
  co_return Held{std::move(its), std::move(lock), std::move(container)};
}

void Service::Impl::check_name(const std::string& name) const {
  if (!is_valid_name(name)) throw_invalid_name(name);
  std::string owner;
  if (const auto taken = names.find(name); taken != names.end()) owner = taken->second;
  for (const auto& [id, container] : creating) {
    if (container->name == name) owner = id;
  }
  if (owner.empty()) return;
  throw Error{Errc::conflict, "Conflict. The container name \"/" + name + "\" is already in use by container \"" +
                                  owner +
                                  "\". You have to remove (or rename) that container to be able to reuse that name."};
}

std::string Service::Impl::free_name() const {
  for (int retry = 0;; ++retry) {
    std::string name = random_name();
    if (retry > 5) name += std::to_string(retry);
    const bool under_way =
        std::any_of(creating.begin(), creating.end(), [&](const auto& c) { return c.second->name == name; });
    if (!names.contains(name) && !under_way) return name;
  }
}

void Service::Impl::publish(const std::string& action, const Container& container, Attributes attributes) {
  events::Event event;
  event.type = "container";
  event.action = action;
  event.actor = container.id;
  event.attributes = std::move(attributes);
  for (const auto& [label, value] : container.config.labels) event.attributes.emplace(label, value);
  event.attributes["image"] = container.config.image;
  event.attributes["name"] = container.name;
  at.bus.publish(std::move(event));
}

void Service::Impl::tell_error(const std::string& id, const std::exception& error) {
  at.bus.publish({"daemon", "error", id, {{"message", error.what()}}, 0});
}

Service::Service(asio::any_io_executor executor, Neighbours neighbours, Settings settings)
    : impl_(std::make_unique<Impl>(std::move(executor), neighbours, std::move(settings))) {
  neighbours.images.set_users([this](const std::string& image_id) { return users_of_image(image_id); });
  neighbours.volumes.set_users([this](const std::string& volume) { return users_of_volume(volume); });
  neighbours.volumes.set_writers([this](const std::string& volume) { return writers_of_volume(volume); });
}
Service::~Service() = default;

Service::Snapshot Service::find(const std::string& name_or_id) const { return impl_->find(name_or_id); }

std::vector<Service::Snapshot> Service::all() const {
  std::vector<Snapshot> all;
  for (const auto& [id, container] : impl_->table.all()) all.push_back(container);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->created > b->created; });
  return all;
}

std::multimap<std::string, std::string> Service::link_names() const {
  std::multimap<std::string, std::string> all;
  for (const auto& [id, container] : impl_->table.all()) {
    for (const std::string& text : container->host_config.links) {
      const Link link = parse_link(text);
      all.emplace(link.target, "/" + container->name + "/" + link.alias);
    }
  }
  return all;
}

const Trace* Service::trace(const std::string& id) const {
  const auto found = impl_->lives.find(id);
  return found == impl_->lives.end() ? nullptr : &found->second->trace;
}

const Settings& Service::settings() const { return impl_->settings; }
Workers& Service::workers() const { return impl_->at.workers; }

plugins::Drivers& Service::drivers() const { return impl_->at.drivers; }
std::shared_ptr<FolderChanges> Service::log_changes() const { return impl_->log_changes; }
networks::Service& Service::networks() const { return impl_->at.networks; }

}  // namespace gantry::containers
