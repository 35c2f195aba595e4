#include "wire/host_config.hpp"

#include "wire/fields.hpp"

namespace gantry::wire {

template <class Visitor, SameAs<LogConfig> T>
void visit(Visitor& fields, T& log) {
  fields("Type", log.type);
  fields("Config", log.config, Empty::braces);
}

template <class Visitor, SameAs<PortBinding> T>
void visit(Visitor& fields, T& binding) {
  fields("HostIp", binding.host_ip);
  fields("HostPort", binding.host_port);
}

template <class Visitor, SameAs<RestartPolicy> T>
void visit(Visitor& fields, T& policy) {
  fields("Name", policy.name);
  fields("MaximumRetryCount", policy.maximum_retry_count);
}

template <class Visitor, SameAs<WeightDevice> T>
void visit(Visitor& fields, T& device) {
  fields("Path", device.path);
  fields("Weight", device.weight);
}

template <class Visitor, SameAs<ThrottleDevice> T>
void visit(Visitor& fields, T& device) {
  fields("Path", device.path);
  fields("Rate", device.rate);
}

template <class Visitor, SameAs<DeviceMapping> T>
void visit(Visitor& fields, T& device) {
  fields("PathOnHost", device.path_on_host);
  fields("PathInContainer", device.path_in_container);
  fields("CgroupPermissions", device.cgroup_permissions);
}

template <class Visitor, SameAs<DeviceRequest> T>
void visit(Visitor& fields, T& request) {
  fields("Driver", request.driver);
  fields("Count", request.count);
  fields("DeviceIDs", request.device_ids);
  fields("Capabilities", request.capabilities);
  fields("Options", request.options, Empty::braces);
}

template <class Visitor, SameAs<Ulimit> T>
void visit(Visitor& fields, T& limit) {
  fields("Name", limit.name);
  fields("Hard", limit.hard);
  fields("Soft", limit.soft);
}

template <class Visitor, SameAs<Resources> T>
void visit(Visitor& fields, T& limits) {
  fields("CpuShares", limits.cpu_shares);
  fields("Memory", limits.memory);
  fields("NanoCpus", limits.nano_cpus);
  fields("CgroupParent", limits.cgroup_parent);
  fields("BlkioWeight", limits.blkio_weight);
  fields("BlkioWeightDevice", limits.blkio_weight_device, limits.blank);
  fields("BlkioDeviceReadBps", limits.blkio_device_read_bps, limits.blank);
  fields("BlkioDeviceWriteBps", limits.blkio_device_write_bps, limits.blank);
  fields("BlkioDeviceReadIOps", limits.blkio_device_read_iops, limits.blank);
  fields("BlkioDeviceWriteIOps", limits.blkio_device_write_iops, limits.blank);
  fields("CpuPeriod", limits.cpu_period);
  fields("CpuQuota", limits.cpu_quota);
  fields("CpuRealtimePeriod", limits.cpu_realtime_period);
  fields("CpuRealtimeRuntime", limits.cpu_realtime_runtime);
  fields("CpusetCpus", limits.cpuset_cpus);
  fields("CpusetMems", limits.cpuset_mems);
  fields("Devices", limits.devices, limits.blank);
  fields("DeviceCgroupRules", limits.device_cgroup_rules, limits.blank);
  fields("DeviceRequests", limits.device_requests, limits.blank);
  if constexpr (Visitor::kReads) {
    std::int64_t kernel_memory = 0;  // the kernel has no such limit any more
    fields("KernelMemory", kernel_memory);
  }
  fields("KernelMemoryTCP", limits.kernel_memory_tcp, Empty::brief);
  fields("MemoryReservation", limits.memory_reservation);
  fields("MemorySwap", limits.memory_swap);
  fields("MemorySwappiness", limits.memory_swappiness);
  fields("OomKillDisable", limits.oom_kill_disable);
  fields("PidsLimit", limits.pids_limit);
  fields("Ulimits", limits.ulimits, limits.blank);
  fields("CpuCount", limits.cpu_count);
  fields("CpuPercent", limits.cpu_percent);
  fields("IOMaximumIOps", limits.io_maximum_iops);
  fields("IOMaximumBandwidth", limits.io_maximum_bandwidth);
}

template <class Visitor, SameAs<BindOptions> T>
void visit(Visitor& fields, T& bind) {
  fields("Propagation", bind.propagation, Empty::brief);
  fields("NonRecursive", bind.non_recursive, Empty::brief);
  fields("CreateMountpoint", bind.create_mountpoint, Empty::brief);
  fields("ReadOnlyNonRecursive", bind.read_only_non_recursive, Empty::brief);
  fields("ReadOnlyForceRecursive", bind.read_only_force_recursive, Empty::brief);
  fields("IDMap", bind.id_map, Empty::brief);
}

template <class Visitor, SameAs<VolumeDriverConfig> T>
void visit(Visitor& fields, T& driver) {
  fields("Name", driver.name, Empty::brief);
  fields("Options", driver.options, Empty::brief);
}

template <class Visitor, SameAs<VolumeOptions> T>
void visit(Visitor& fields, T& volume) {
  fields("NoCopy", volume.no_copy, Empty::brief);
  fields("Labels", volume.labels, Empty::brief);
  fields("Subpath", volume.subpath, Empty::brief);
  fields("DriverConfig", volume.driver_config, Empty::brief);
}

template <class Visitor, SameAs<TmpfsOptions> T>
void visit(Visitor& fields, T& tmpfs) {
  fields("SizeBytes", tmpfs.size_bytes, Empty::brief);
  fields("Mode", tmpfs.mode, Empty::brief);
  fields("Options", tmpfs.options, Empty::brief);
}

template <class Visitor, SameAs<ImageMountOptions> T>
void visit(Visitor& fields, T& image) {
  fields("Subpath", image.subpath, Empty::brief);
}

template <class Visitor, SameAs<MountRequest> T>
void visit(Visitor& fields, T& mount) {
  fields("Type", mount.type, Empty::brief);
  fields("Source", mount.source, Empty::brief);
  fields("Target", mount.target, Empty::brief);
  fields("ReadOnly", mount.read_only, Empty::brief);
  fields("Consistency", mount.consistency, Empty::brief);
  fields("BindOptions", mount.bind, Empty::brief);
  fields("VolumeOptions", mount.volume, Empty::brief);
  fields("TmpfsOptions", mount.tmpfs, Empty::brief);
  fields("ImageOptions", mount.image, Empty::brief);
}

template <class Visitor, SameAs<PortsEdit> T>
void visit(Visitor& fields, T& edit) {
  fields("Add", edit.add, Empty::braces);
  fields("Remove", edit.remove, Empty::braces);
}

template <class Visitor, SameAs<MountsEdit> T>
void visit(Visitor& fields, T& edit) {
  fields("Add", edit.add);
  fields("Remove", edit.remove);
}

template <class Visitor, SameAs<HostConfig> T>
void visit_isolation(Visitor& fields, T& config) {
  if constexpr (!Visitor::kReads) {
    fields("CapAdd", config.cap_add, config.blank);
    fields("CapDrop", config.cap_drop, config.blank);
  }
  fields("CgroupnsMode", config.cgroupns_mode);
  fields("Dns", config.dns, config.blank);
  fields("DnsOptions", config.dns_options, config.blank);
  fields("DnsSearch", config.dns_search, config.blank);
  fields("ExtraHosts", config.extra_hosts, config.blank);
  fields("GroupAdd", config.group_add, config.blank);
  fields("IpcMode", config.ipc_mode);
  fields("Cgroup", config.cgroup);
  fields("Links", config.links, config.blank);
  fields("OomScoreAdj", config.oom_score_adj);
  fields("PidMode", config.pid_mode);
  fields("Privileged", config.privileged);
  fields("PublishAllPorts", config.publish_all_ports);
  fields("ReadonlyRootfs", config.readonly_rootfs);
  fields("SecurityOpt", config.security_opt, config.blank);
  fields("StorageOpt", config.storage_opt, Empty::brief);
  fields("Tmpfs", config.tmpfs, Empty::brief);
  fields("UTSMode", config.uts_mode);
  fields("UsernsMode", config.userns_mode);
  fields("ShmSize", config.shm_size);
  fields("Sysctls", config.sysctls, Empty::brief);
  fields("Runtime", config.runtime);
  fields("Isolation", config.isolation);
}

template <class Visitor, SameAs<HostConfig> T>
void visit(Visitor& fields, T& config) {
  fields("Binds", config.binds, config.blank);
  fields("ContainerIDFile", config.container_id_file);
  fields("LogConfig", config.log_config);
  fields("NetworkMode", config.network_mode);
  fields("PortBindings", config.port_bindings, config.blank);
  fields("RestartPolicy", config.restart_policy);
  fields("AutoRemove", config.auto_remove);
  fields("VolumeDriver", config.volume_driver);
  fields("VolumesFrom", config.volumes_from, config.blank);
  fields("ConsoleSize", config.console_size, Empty::braces);
  fields("Annotations", config.annotations, Empty::brief);
  visit_isolation(fields, config);
  visit(fields, config.resources);
  fields("Mounts", config.mounts, Empty::brief);
  fields("MaskedPaths", config.masked_paths);
  fields("ReadonlyPaths", config.readonly_paths);
  fields("Init", config.init, Empty::brief);
}

nlohmann::ordered_json to_json(const HostConfig& config) { return FieldWriter::encode(config); }
nlohmann::ordered_json to_json(const Resources& resources) { return FieldWriter::encode(resources); }
nlohmann::ordered_json to_json(const PortMap& ports) { return FieldWriter::encode(ports, Empty::braces); }

void from_json(const nlohmann::json& in, PortsEdit& edit) { FieldReader::decode(in, edit, "PortsEdit"); }
void from_json(const nlohmann::json& in, MountsEdit& edit) { FieldReader::decode(in, edit, "MountsEdit"); }
void from_json(const nlohmann::json& in, HostConfig& config) {
  FieldReader::decode(in, config, "HostConfig");
  const auto take = [&](const char* name, std::vector<std::string>& words) {
    if (FieldReader::decode_words(in, name, "HostConfig", words) && words.empty()) config.blank.insert(name);
  };
  take("CapAdd", config.cap_add);
  take("CapDrop", config.cap_drop);
}
void from_json(const nlohmann::json& in, Resources& resources) { FieldReader::decode(in, resources, "Resources"); }
void from_json(const nlohmann::json& in, RestartPolicy& policy) { FieldReader::decode(in, policy, "RestartPolicy"); }

}  // namespace gantry::wire
