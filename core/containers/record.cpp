#include <algorithm>
#include <nlohmann/json.hpp>

#include "containers/container.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

using Json = nlohmann::json;

Json to_json(const MountPoint& mount) {
  return {{"type", mount.type},
          {"name", mount.name},
          {"source", mount.source},
          {"destination", mount.destination},
          {"driver", mount.driver},
          {"mode", mount.mode},
          {"writable", mount.writable},
          {"propagation", mount.propagation},
          {"options", mount.options},
          {"subpath", mount.subpath},
          {"no_copy", mount.no_copy},
          {"create_source", mount.create_source},
          {"non_recursive", mount.non_recursive},
          {"readonly_top_only", mount.readonly_top_only},
          {"id_map", mount.id_map},
          {"anonymous", mount.anonymous},
          {"from_mounts", mount.from_mounts}};
}

MountPoint mount_from(const Json& in) {
  MountPoint mount;
  mount.type = in.value("type", "");
  mount.name = in.value("name", "");
  mount.source = in.value("source", "");
  mount.destination = in.value("destination", "");
  mount.driver = in.value("driver", "");
  mount.mode = in.value("mode", "");
  mount.writable = in.value("writable", true);
  mount.propagation = in.value("propagation", "");
  mount.options = in.value("options", "");
  mount.subpath = in.value("subpath", "");
  mount.no_copy = in.value("no_copy", false);
  mount.create_source = in.value("create_source", false);
  mount.non_recursive = in.value("non_recursive", false);
  mount.readonly_top_only = in.value("readonly_top_only", false);
  mount.id_map = in.value("id_map", false);
  mount.anonymous = in.value("anonymous", false);
  mount.from_mounts = in.value("from_mounts", false);
  return mount;
}

Json to_json(const std::vector<MountPoint>& mounts) {
  Json out = Json::array();
  for (const MountPoint& mount : mounts) out.push_back(to_json(mount));
  return out;
}

std::vector<MountPoint> mounts_from(const Json& in, const char* member) {
  std::vector<MountPoint> mounts;
  const Json all = in.value(member, Json::array());
  for (const Json& mount : all) mounts.push_back(mount_from(mount));
  return mounts;
}

Json to_json(const MountEdit& edit) {
  return {{"made", to_json(edit.made)},
          {"gone", to_json(edit.gone)},
          {"mounted", edit.mounted},
          {"unmounted", edit.unmounted}};
}

MountEdit edit_from(const Json& in) {
  MountEdit edit;
  edit.made = mounts_from(in, "made");
  edit.gone = mounts_from(in, "gone");
  edit.mounted = std::min(in.value("mounted", std::size_t{}), edit.made.size());
  edit.unmounted = std::min(in.value("unmounted", std::size_t{}), edit.gone.size());
  return edit;
}

Json to_json(const Health& health) {
  Json log = Json::array();
  for (const ProbeResult& result : health.log) {
    log.push_back(
        {{"start", result.start}, {"end", result.end}, {"exit_code", result.exit_code}, {"output", result.output}});
  }
  return {{"status", to_string(health.status)},
          {"failing_streak", health.failing_streak},
          {"log", std::move(log)},
          {"probe", health.probe}};
}

Health health_from(const Json& in) {
  Health health;
  const std::string status = in.value("status", "");
  health.status = HealthStatus::unhealthy;
  for (const HealthStatus known : {HealthStatus::starting, HealthStatus::healthy}) {
    if (status == to_string(known)) health.status = known;
  }
  health.failing_streak = in.value("failing_streak", 0);
  const Json log = in.value("log", Json::array());
  for (const Json& entry : log) {
    ProbeResult result;
    result.start = entry.value("start", Nanoseconds{});
    result.end = entry.value("end", Nanoseconds{});
    result.exit_code = entry.value("exit_code", 0);
    result.output = entry.value("output", "");
    health.log.push_back(std::move(result));
  }
  health.probe = in.value("probe", "");
  return health;
}

Json endpoints_to_json(const std::map<std::string, wire::EndpointSettings>& endpoints) {
  Json out = Json::object();
  for (const auto& [network, endpoint] : endpoints) out[network] = wire::to_json(endpoint);
  return out;
}

std::map<std::string, wire::EndpointSettings> endpoints_from(const Json& in, const char* member) {
  std::map<std::string, wire::EndpointSettings> endpoints;
  const Json all = in.value(member, Json::object());
  for (const auto& [network, endpoint] : all.items()) {
    endpoint.get_to(endpoints[network]);
  }
  return endpoints;
}

void read_run(const Json& in, Container& container) {
  container.state = state_from(in.value("state", "dead"));
  container.pid = in.value("pid", std::int64_t{});
  container.start_time_ticks = in.value("start_time_ticks", std::uint64_t{});
  container.started = in.value("started", Nanoseconds{});
  container.finished = in.value("finished", Nanoseconds{});
  container.exit_code = in.value("exit_code", 0);
  container.error = in.value("error", "");
  container.sandboxed = in.value("sandboxed", container.started != 0);
  container.oom_killed = in.value("oom_killed", false);
  container.restart_count = in.value("restart_count", 0);
  container.pausing = in.value("pausing", false);
  container.stopped_by_user = in.value("stopped_by_user", false);
  if (const Json health = in.value("health", Json()); health.is_object()) container.health = health_from(health);
  container.last_endpoints = endpoints_from(in, "last_endpoints");
}

}  // namespace

std::vector<std::string> Container::command() const {
  std::vector<std::string> words = config.entrypoint.value_or(std::vector<std::string>{});
  // An entrypoint of one empty word is how the user takes the image's away.
  if (words.size() == 1 && words.front().empty()) words.clear();
  if (config.cmd) words.insert(words.end(), config.cmd->begin(), config.cmd->end());
  return words;
}

State Container::shown_state() const {
  if (state != State::starting) return state;
  if (restart_count > 0) return State::restarting;  // a start by the user's hand has set it to 0
  return finished == 0 ? State::created : State::exited;
}

void Container::move_to(State next) {
  if (!may_follow(state, next)) {
    throw Error{Errc::conflict, "container " + id + " is " + std::string(to_string(state)) + " and cannot become " +
                                    std::string(to_string(next))};
  }
  state = next;
}

std::string to_record(const Container& container) {
  const Json out{{"id", container.id},
                 {"name", container.name},
                 {"created", container.created},
                 {"image_id", container.image_id},
                 {"config", wire::to_json(container.config)},
                 {"host_config", wire::to_json(container.host_config)},
                 {"endpoints", endpoints_to_json(container.endpoints)},
                 {"mounts", to_json(container.mounts)},
                 {"mount_edit", container.mount_edit ? to_json(*container.mount_edit) : Json()},
                 {"storage_driver", container.storage_driver},
                 {"log_path", container.log_path},
                 {"passing", container.passing},
                 {"state", to_string(container.state)},
                 {"pid", container.pid},
                 {"start_time_ticks", container.start_time_ticks},
                 {"started", container.started},
                 {"finished", container.finished},
                 {"exit_code", container.exit_code},
                 {"error", container.error},
                 {"oom_killed", container.oom_killed},
                 {"restart_count", container.restart_count},
                 {"pausing", container.pausing},
                 {"stopped_by_user", container.stopped_by_user},
                 {"health", container.health ? to_json(*container.health) : Json()},
                 {"last_endpoints", endpoints_to_json(container.last_endpoints)}};
  // What the user wrote may be any bytes: it must not make the record unwritable.
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void from_record(const std::string& text, Container& container) {
  const Json in = Json::parse(text);
  container.id = in.value("id", "");
  container.name = in.value("name", "");
  container.created = in.value("created", Nanoseconds{});
  container.image_id = in.value("image_id", "");
  wire::from_json(in.value("config", Json::object()), container.config);
  wire::from_json(in.value("host_config", Json::object()), container.host_config);
  container.endpoints = endpoints_from(in, "endpoints");
  container.mounts = mounts_from(in, "mounts");
  if (const Json edit = in.value("mount_edit", Json()); edit.is_object()) container.mount_edit = edit_from(edit);
  container.storage_driver = in.value("storage_driver", "");
  container.log_path = in.value("log_path", "");
  container.passing = in.value("passing", false);
  read_run(in, container);
}

}  // namespace gantry::containers
