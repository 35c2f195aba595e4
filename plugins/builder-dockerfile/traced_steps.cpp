#include "address.hpp"
#include "operation.hpp"
#include "stage_build.hpp"

namespace gantry::dockerfile {

std::size_t StageBuild::traced_input(const std::string& origin) {
  traced_.inputs.push_back(origin);
  return traced_.inputs.size();
}

std::string StageBuild::traced_origin(const std::string& from) {
  if (from.empty()) return request_.remote.empty() ? "local://context" : without_password(request_.remote);
  const auto place = request_.contexts.find(from);
  if (place == request_.contexts.end() || context_.image_named(from)) return image_of(from);
  return place->second.starts_with("directory:") ? "local://" + from : without_password(place->second);
}

void StageBuild::trace(const Run& run, const std::vector<std::string>& process,
                       const std::vector<std::string>& arguments, const std::vector<RunMount>& mounts) {
  if (trace_ == nullptr) return;
  traced_.inputs.clear();
  CommandTold told;
  told.process = process;
  told.env = state_.config.env;
  // Without the proxies, which may have passwords in them.
  const std::vector<std::string> telling = arguments_.telling(arguments);
  told.env.insert(told.env.end(), telling.begin(), telling.end());
  told.directory = state_.config.working_dir.empty() ? "/" : state_.config.working_dir;
  told.user = state_.config.user;
  told.network = run.network;
  told.insecure = run.security == "insecure";
  told.mounts = mounts;
  for (const RunMount& mount : mounts) {
    const bool filled = mount.type == "bind" || (mount.type == "cache" && !mount.from.empty());
    told.origins.push_back(filled ? std::optional{traced_input(traced_origin(mount.from))} : std::nullopt);
  }
  traced_.operation = command_operation(told);
}

void StageBuild::trace(const Copy& copy) {
  if (trace_ == nullptr) return;
  traced_.inputs.clear();
  FilesTold told;
  told.add = copy.add;
  const std::string destination = expanded(copy.destination);
  told.destination = absolute_path(destination, state_.config.working_dir.empty() ? "/" : state_.config.working_dir);
  told.owner = expanded(copy.owner);
  told.mode = expanded(copy.mode);
  told.exclude = copy.exclude;
  std::optional<std::size_t> files;
  for (const std::string& word : copy.sources) {
    const std::string source = expanded(word);
    if (is_address(source)) {
      told.copied.push_back({traced_input(without_password(source)), "/"});
      continue;
    }
    if (!files) files = traced_input(traced_origin(copy.from.empty() ? "" : expanded(copy.from)));
    told.copied.push_back({*files, "/" + clean_in_root(source)});
  }
  for (const Heredoc& heredoc : copy.heredocs) {
    const bool into = told.destination.ends_with('/');
    told.written.push_back({told.destination + (into ? heredoc.name : ""), expanded_file(heredoc)});
  }
  told.inputs = 1 + traced_.inputs.size();
  traced_.operation = files_operation(told);
}

void StageBuild::tell_trace() {
  if (trace_ == nullptr || state_.image.empty() || state_.image == traced_.parent) return;
  traced_.image = state_.image;
  traced_.first_line = current_ == nullptr ? 0 : current_->line;
  traced_.last_line = current_ == nullptr ? 0 : current_->last_line;
  trace_->step(traced_);
}

}  // namespace gantry::dockerfile
