#pragma once

#include <string>
#include <vector>

#include "client/exchange.hpp"
#include "command/context.hpp"

/// The commands, by the files that hold them, and what they share.
namespace gantry::cli {

int image_build(Context& context);
int builder_prune(Context& context);
int container_cp(Context& context);
int container_commit(Context& context);
int container_run(Context& context);
int container_create(Context& context);
int container_start(Context& context);
int container_stop(Context& context);
int container_restart(Context& context);
int container_kill(Context& context);
int container_pause(Context& context);
int container_unpause(Context& context);
int container_rename(Context& context);
int container_update(Context& context);
int container_wait(Context& context);
int container_rm(Context& context);
int container_ls(Context& context);
int container_inspect(Context& context);
int container_logs(Context& context);
int container_exec(Context& context);
int container_attach(Context& context);
int container_top(Context& context);
int container_stats(Context& context);
int container_port(Context& context);
int container_diff(Context& context);
int container_export(Context& context);
int container_prune(Context& context);

int image_pull(Context& context);
int image_push(Context& context);
int image_ls(Context& context);
int image_rm(Context& context);
int image_inspect(Context& context);
int image_tag(Context& context);
int image_history(Context& context);
int image_load(Context& context);
int image_save(Context& context);
int image_import(Context& context);
int image_prune(Context& context);

int volume_create(Context& context);
int volume_ls(Context& context);
int volume_inspect(Context& context);
int volume_rm(Context& context);
int volume_prune(Context& context);
int volume_clone(Context& context);
int volume_export(Context& context);
int volume_import(Context& context);
int volume_rename(Context& context);
int volume_snapshot(Context& context);

int context_create(Context& context);
int context_export(Context& context);
int context_import(Context& context);
int context_inspect(Context& context);
int context_ls(Context& context);
int context_rm(Context& context);
int context_show(Context& context);
int context_update(Context& context);
int context_use(Context& context);

int network_create(Context& context);
int network_ls(Context& context);
int network_inspect(Context& context);
int network_rm(Context& context);
int network_prune(Context& context);
int network_connect(Context& context);
int network_disconnect(Context& context);

int system_info(Context& context);
int system_df(Context& context);
int system_events(Context& context);
int system_dial_stdio(Context& context);
int system_prune(Context& context);

int plugin_ls(Context& context);
int plugin_inspect(Context& context);
int plugin_enable(Context& context);
int plugin_disable(Context& context);
int plugin_reload(Context& context);

int print_completion(Context& context);
/// What the shells' scripts ask: each word that may stand in the last one's place. `directive`: a line follows that
/// says, as that of docker's __complete does, whether files may stand there too.
int print_candidates(Context& context, const std::vector<std::string>& words, bool directive);

int any_inspect(Context& context);
int registry_login(Context& context);
int registry_logout(Context& context);
int registry_search(Context& context);
int show_version(Context& context);

/// With what a push to a registry is sent.
struct Reference;
Headers push_headers(Context& context, const Reference& reference);
/// Gets an image, with its progress on `fd`. Throws.
void pull_image(Context& context, const std::string& image, const std::string& platform, bool quiet, int fd);
/// Gets, without a word, all images that the index of a name has for the platform. Answers their ids. Throws.
std::vector<std::string> pull_every(Context& context, const std::string& image, const std::string& platform);

}  // namespace gantry::cli
