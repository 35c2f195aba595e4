#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace gantry::images {

/// How often and how a container's health is checked (API: HealthConfig; times in nanoseconds).
struct HealthConfig {
  std::vector<std::string> test;
  std::int64_t interval{};
  std::int64_t timeout{};
  std::int64_t start_period{};
  std::int64_t start_interval{};
  int retries{};
};

/// The part of an image's config that containers start from (OCI image spec, config.md; Docker's extensions).
struct ImageConfig {
  std::string user;
  std::vector<std::string> exposed_ports;  ///< "80/tcp".
  std::vector<std::string> env;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  bool args_escaped{};
  // Of the container that was committed: they mean nothing, but dockerd shows them.
  bool attach_stdin{};
  bool attach_stdout{};
  bool attach_stderr{};
  bool tty{};
  bool open_stdin{};
  bool stdin_once{};
  std::optional<HealthConfig> healthcheck;
};

/// An image that is on this host.
struct Image {
  std::string id;           ///< Digest of its config: "sha256:...".
  std::string config_json;  ///< As it was pulled or built.
  ImageConfig config;       ///< The parsed `config_json`.
  std::string architecture;
  std::string variant;
  std::string os;
  std::string author;
  std::string comment;
  Nanoseconds created{};
  std::string last_step;               ///< What the last entry of its history was made by.
  std::vector<std::string> diff_ids;   ///< Base first.
  std::vector<std::string> chain_ids;  ///< Base first: the layers to give to the storage driver.
  std::uint64_t size{};                ///< Bytes of all layers, unpacked.
  std::vector<std::string> names;      ///< "docker.io/library/busybox:latest".
  std::vector<std::string> digests;    ///< "docker.io/library/busybox@sha256:...".
};

}  // namespace gantry::images
