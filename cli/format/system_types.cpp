#include "format/go_type.hpp"

namespace gantry::cli {

// As container_types.cpp, and after it: the daemon, the client, lists and events.
const std::string_view kSystemTypes = R"(
types.PlatformInfo
  Name string
system.clientVersion
  Platform *types.PlatformInfo Platform?
  Version string Version?
  APIVersion string ApiVersion?
  DefaultAPIVersion string DefaultAPIVersion?
  GitCommit string
  GoVersion string
  Os string
  Arch string
  BuildTime string BuildTime?
  Context string
types.ComponentVersion
  Name string
  Version string
  Details map[string]string Details?
types.Version
  Platform types.PlatformInfo
  Components []types.ComponentVersion Components?
  Version string
  APIVersion string ApiVersion
  MinAPIVersion string MinAPIVersion?
  GitCommit string
  GoVersion string
  Os string
  Arch string
  KernelVersion string KernelVersion?
  Experimental bool Experimental?
  BuildTime string BuildTime?
system.versionInfo
  Client system.clientVersion
  Server *types.Version

system.PluginsInfo
  Volume []string
  Network []string
  Authorization []string
  Log []string
registry.IndexInfo
  Mirrors []string
  Name string
  Official bool
  Secure bool
registry.NetIPNet = string
registry.ServiceConfig
  AllowNondistributableArtifactsCIDRs []string AllowNondistributableArtifactsCIDRs?
  AllowNondistributableArtifactsHostnames []string AllowNondistributableArtifactsHostnames?
  IndexConfigs map[string]*registry.IndexInfo
  InsecureRegistryCIDRs []*registry.NetIPNet
  Mirrors []string
system.Runtime
  Path string path?
  Args []string runtimeArgs?
  Type string runtimeType?
  Options map[string]any options?
system.RuntimeWithStatus
  +Runtime system.Runtime
  Status map[string]string status?
swarm.Peer
  NodeID string
  Addr string
swarm.ClusterInfo
  ID string
swarm.Info
  NodeID string
  NodeAddr string
  LocalNodeState string
  ControlAvailable bool
  Error string
  RemoteManagers []swarm.Peer
  Nodes int Nodes?
  Managers int Managers?
  Cluster *swarm.ClusterInfo Cluster?
  Warnings []string Warnings?
system.Commit
  ID string
  Expected string Expected?
system.NetworkAddressPool
  Base string
  Size int
system.FirewallInfo
  Driver string
  Info [][]string Info?
system.DeviceInfo
  Source string
  ID string
system.ContainerdNamespaces
  Containers string
  Plugins string
system.ContainerdInfo
  Address string Address?
  Namespaces system.ContainerdNamespaces
system.Info
  ID string
  Containers int
  ContainersRunning int
  ContainersPaused int
  ContainersStopped int
  Images int
  Driver string
  DriverStatus [][]string
  SystemStatus [][]string SystemStatus?
  Plugins system.PluginsInfo
  MemoryLimit bool
  SwapLimit bool
  KernelMemory bool KernelMemory?
  KernelMemoryTCP bool KernelMemoryTCP?
  CPUCfsPeriod bool CpuCfsPeriod
  CPUCfsQuota bool CpuCfsQuota
  CPUShares bool
  CPUSet bool
  PidsLimit bool
  IPv4Forwarding bool
  Debug bool
  NFd int
  OomKillDisable bool
  NGoroutines int
  SystemTime string
  LoggingDriver string
  CgroupDriver string
  CgroupVersion string CgroupVersion?
  NEventsListener int
  KernelVersion string
  OperatingSystem string
  OSVersion string
  OSType string
  Architecture string
  IndexServerAddress string
  RegistryConfig *registry.ServiceConfig
  NCPU int
  MemTotal int64
  GenericResources []any
  DockerRootDir string
  HTTPProxy string HttpProxy
  HTTPSProxy string HttpsProxy
  NoProxy string
  Name string
  Labels []string
  ExperimentalBuild bool
  ServerVersion string
  Runtimes map[string]system.RuntimeWithStatus
  DefaultRuntime string
  Swarm swarm.Info
  LiveRestoreEnabled bool
  Isolation container.Isolation
  InitBinary string
  ContainerdCommit system.Commit
  RuncCommit system.Commit
  InitCommit system.Commit
  SecurityOptions []string
  ProductLicense string ProductLicense?
  DefaultAddressPools []system.NetworkAddressPool DefaultAddressPools?
  FirewallBackend *system.FirewallInfo FirewallBackend?
  CDISpecDirs []string
  DiscoveredDevices []system.DeviceInfo DiscoveredDevices?
  Containerd *system.ContainerdInfo Containerd?
  Warnings []string
system.clientInfo
  Debug bool
  +clientVersion system.clientVersion
  Plugins []any
  Warnings []string
system.dockerInfo
  +Info *system.Info
  ServerErrors []string ServerErrors?
  UserName string -
  ClientInfo *system.clientInfo ClientInfo?
  ClientErrors []string ClientErrors?

formatter.HeaderContext
  Header any
formatter.SubHeaderContext = map[string]string

events.Actor
  ID string
  Attributes map[string]string
events.Message
  Status string status?
  ID string id?
  From string from?
  Type string
  Action string
  Actor events.Actor
  Scope string scope?
  Time int64 time?
  TimeNano int64 timeNano?
)";

}  // namespace gantry::cli
