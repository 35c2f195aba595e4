#include "format/go_type.hpp"

namespace gantry::cli {

// What templates are applied to: containers, as Docker's command line 28.2 has them: the order of the fields is that in
// which Go prints them. A type is defined before it is used. "Name type json?": the name in JSON where it is another;
// "?" where JSON leaves out what is empty; "+": embedded.
const std::string_view kContainerTypes = R"(
nat.Port = string
nat.PortBinding
  HostIP string HostIp
  HostPort string
nat.PortMap = map[nat.Port][]nat.PortBinding
nat.PortSet = map[nat.Port]struct{}
strslice.StrSlice = []string
storage.DriverData
  Data map[string]string
  Name string
digest.Digest = string
ocispec.Platform
  Architecture string architecture
  OS string os
  OSVersion string os.version?
  OSFeatures []string os.features?
  Variant string variant?
ocispec.Descriptor
  MediaType string mediaType
  Digest digest.Digest digest
  Size int64 size
  URLs []string urls?
  Annotations map[string]string annotations?
  Data []uint8 data?
  Platform *ocispec.Platform platform?
  ArtifactType string artifactType?

container.HealthcheckResult
  Start time.Time
  End time.Time
  ExitCode int
  Output string
container.Health
  Status string
  FailingStreak int
  Log []*container.HealthcheckResult
container.State
  Status string
  Running bool
  Paused bool
  Restarting bool
  OOMKilled bool
  Dead bool
  Pid int
  ExitCode int
  Error string
  StartedAt string
  FinishedAt string
  Health *container.Health Health?
container.HealthConfig
  Test []string Test?
  Interval time.Duration Interval?
  Timeout time.Duration Timeout?
  StartPeriod time.Duration StartPeriod?
  StartInterval time.Duration StartInterval?
  Retries int Retries?
container.Config
  Hostname string
  Domainname string
  User string
  AttachStdin bool
  AttachStdout bool
  AttachStderr bool
  ExposedPorts nat.PortSet ExposedPorts?
  Tty bool
  OpenStdin bool
  StdinOnce bool
  Env []string
  Cmd strslice.StrSlice
  Healthcheck *container.HealthConfig Healthcheck?
  ArgsEscaped bool ArgsEscaped?
  Image string
  Volumes map[string]struct{}
  WorkingDir string
  Entrypoint strslice.StrSlice
  NetworkDisabled bool NetworkDisabled?
  MacAddress string MacAddress?
  OnBuild []string
  Labels map[string]string
  StopSignal string StopSignal?
  StopTimeout *int StopTimeout?
  Shell strslice.StrSlice Shell?
container.LogConfig
  Type string
  Config map[string]string
container.NetworkMode = string
container.CgroupnsMode = string
container.IpcMode = string
container.CgroupSpec = string
container.PidMode = string
container.UTSMode = string
container.UsernsMode = string
container.Isolation = string
container.RestartPolicyMode = string
container.RestartPolicy
  Name container.RestartPolicyMode
  MaximumRetryCount int
blkiodev.WeightDevice
  Path string
  Weight uint16
blkiodev.ThrottleDevice
  Path string
  Rate uint64
container.DeviceMapping
  PathOnHost string
  PathInContainer string
  CgroupPermissions string
container.DeviceRequest
  Driver string
  Count int
  DeviceIDs []string
  Capabilities [][]string
  Options map[string]string
units.Ulimit
  Name string
  Hard int64
  Soft int64
container.Resources
  CPUShares int64 CpuShares
  Memory int64
  NanoCPUs int64 NanoCpus
  CgroupParent string
  BlkioWeight uint16
  BlkioWeightDevice []*blkiodev.WeightDevice
  BlkioDeviceReadBps []*blkiodev.ThrottleDevice
  BlkioDeviceWriteBps []*blkiodev.ThrottleDevice
  BlkioDeviceReadIOps []*blkiodev.ThrottleDevice
  BlkioDeviceWriteIOps []*blkiodev.ThrottleDevice
  CPUPeriod int64 CpuPeriod
  CPUQuota int64 CpuQuota
  CPURealtimePeriod int64 CpuRealtimePeriod
  CPURealtimeRuntime int64 CpuRealtimeRuntime
  CpusetCpus string
  CpusetMems string
  Devices []container.DeviceMapping
  DeviceCgroupRules []string
  DeviceRequests []container.DeviceRequest
  KernelMemory int64 KernelMemory?
  KernelMemoryTCP int64 KernelMemoryTCP?
  MemoryReservation int64
  MemorySwap int64
  MemorySwappiness *int64
  OomKillDisable *bool
  PidsLimit *int64
  Ulimits []*units.Ulimit
  CPUCount int64 CpuCount
  CPUPercent int64 CpuPercent
  IOMaximumIOps uint64
  IOMaximumBandwidth uint64
mount.Type = string
mount.Consistency = string
mount.Propagation = string
mount.BindOptions
  Propagation mount.Propagation Propagation?
  NonRecursive bool NonRecursive?
  CreateMountpoint bool CreateMountpoint?
  ReadOnlyNonRecursive bool ReadOnlyNonRecursive?
  ReadOnlyForceRecursive bool ReadOnlyForceRecursive?
mount.Driver
  Name string Name?
  Options map[string]string Options?
mount.VolumeOptions
  NoCopy bool NoCopy?
  Labels map[string]string Labels?
  Subpath string Subpath?
  DriverConfig *mount.Driver DriverConfig?
mount.ImageOptions
  Subpath string Subpath?
mount.TmpfsOptions
  SizeBytes int64 SizeBytes?
  Mode uint Mode?
  Options [][]string Options?
mount.ClusterOptions
mount.Mount
  Type mount.Type Type?
  Source string Source?
  Target string Target?
  ReadOnly bool ReadOnly?
  Consistency mount.Consistency Consistency?
  BindOptions *mount.BindOptions BindOptions?
  VolumeOptions *mount.VolumeOptions VolumeOptions?
  ImageOptions *mount.ImageOptions ImageOptions?
  TmpfsOptions *mount.TmpfsOptions TmpfsOptions?
  ClusterOptions *mount.ClusterOptions ClusterOptions?
container.HostConfig
  Binds []string
  ContainerIDFile string
  LogConfig container.LogConfig
  NetworkMode container.NetworkMode
  PortBindings nat.PortMap
  RestartPolicy container.RestartPolicy
  AutoRemove bool
  VolumeDriver string
  VolumesFrom []string
  ConsoleSize [2]uint
  Annotations map[string]string Annotations?
  CapAdd strslice.StrSlice
  CapDrop strslice.StrSlice
  CgroupnsMode container.CgroupnsMode
  DNS []string Dns
  DNSOptions []string DnsOptions
  DNSSearch []string DnsSearch
  ExtraHosts []string
  GroupAdd []string
  IpcMode container.IpcMode
  Cgroup container.CgroupSpec
  Links []string
  OomScoreAdj int
  PidMode container.PidMode
  Privileged bool
  PublishAllPorts bool
  ReadonlyRootfs bool
  SecurityOpt []string
  StorageOpt map[string]string StorageOpt?
  Tmpfs map[string]string Tmpfs?
  UTSMode container.UTSMode
  UsernsMode container.UsernsMode
  ShmSize int64
  Sysctls map[string]string Sysctls?
  Runtime string Runtime?
  Isolation container.Isolation
  +Resources container.Resources
  Mounts []mount.Mount Mounts?
  MaskedPaths []string
  ReadonlyPaths []string
  Init *bool Init?
container.MountPoint
  Type mount.Type Type?
  Name string Name?
  Source string
  Destination string
  Driver string Driver?
  Mode string
  RW bool
  Propagation mount.Propagation
network.Address
  Addr string
  PrefixLen int
network.EndpointIPAMConfig
  IPv4Address string IPv4Address?
  IPv6Address string IPv6Address?
  LinkLocalIPs []string LinkLocalIPs?
network.EndpointSettings
  IPAMConfig *network.EndpointIPAMConfig
  Links []string
  Aliases []string
  MacAddress string
  DriverOpts map[string]string
  GwPriority int
  NetworkID string
  EndpointID string
  Gateway string
  IPAddress string
  IPPrefixLen int
  IPv6Gateway string
  GlobalIPv6Address string
  GlobalIPv6PrefixLen int
  DNSNames []string
container.NetworkSettingsBase
  Bridge string
  SandboxID string
  SandboxKey string
  Ports nat.PortMap
  HairpinMode bool
  LinkLocalIPv6Address string
  LinkLocalIPv6PrefixLen int
  SecondaryIPAddresses []network.Address
  SecondaryIPv6Addresses []network.Address
container.DefaultNetworkSettings
  EndpointID string
  Gateway string
  GlobalIPv6Address string
  GlobalIPv6PrefixLen int
  IPAddress string
  IPPrefixLen int
  IPv6Gateway string
  MacAddress string
container.NetworkSettings
  +NetworkSettingsBase container.NetworkSettingsBase
  +DefaultNetworkSettings container.DefaultNetworkSettings
  Networks map[string]*network.EndpointSettings
container.ContainerJSONBase
  ID string Id
  Created string
  Path string
  Args []string
  State *container.State
  Image string
  ResolvConfPath string
  HostnamePath string
  HostsPath string
  LogPath string
  Name string
  RestartCount int
  Driver string
  Platform string
  MountLabel string
  ProcessLabel string
  AppArmorProfile string
  ExecIDs []string
  HostConfig *container.HostConfig
  GraphDriver storage.DriverData
  SizeRw *int64 SizeRw?
  SizeRootFs *int64 SizeRootFs?
container.InspectResponse
  +ContainerJSONBase *container.ContainerJSONBase
  Mounts []container.MountPoint
  Config *container.Config
  NetworkSettings *container.NetworkSettings
  ImageManifestDescriptor *ocispec.Descriptor ImageManifestDescriptor?
)";

}  // namespace gantry::cli
