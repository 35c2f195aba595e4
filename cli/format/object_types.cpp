#include "format/go_type.hpp"

namespace gantry::cli {

// As container_types.cpp, and after it: images, networks, volumes.
const std::string_view kObjectTypes = R"(
v1.ImageConfig
  User string User?
  ExposedPorts map[string]struct{} ExposedPorts?
  Env []string Env?
  Entrypoint []string Entrypoint?
  Cmd []string Cmd?
  Volumes map[string]struct{} Volumes?
  WorkingDir string WorkingDir?
  Labels map[string]string Labels?
  StopSignal string StopSignal?
  ArgsEscaped bool ArgsEscaped?
v1.DockerOCIImageConfigExt
  Healthcheck *container.HealthConfig Healthcheck?
  OnBuild []string OnBuild?
  Shell []string Shell?
v1.DockerOCIImageConfig
  +ImageConfig v1.ImageConfig
  +DockerOCIImageConfigExt v1.DockerOCIImageConfigExt
image.RootFS
  Type string Type?
  Layers []string Layers?
image.Metadata
  LastTagTime time.Time LastTagTime?
image.InspectResponse
  ID string Id
  RepoTags []string
  RepoDigests []string
  Parent string
  Comment string
  Created string Created?
  Container string Container?
  ContainerConfig *container.Config ContainerConfig?
  DockerVersion string
  Author string
  Config *v1.DockerOCIImageConfig
  Architecture string
  Variant string Variant?
  Os string
  OsVersion string OsVersion?
  Size int64
  VirtualSize int64 VirtualSize?
  GraphDriver storage.DriverData
  RootFS image.RootFS
  Metadata image.Metadata
  Descriptor *ocispec.Descriptor Descriptor?
  Manifests []any Manifests?

network.IPAMConfig
  Subnet string Subnet?
  IPRange string IPRange?
  Gateway string Gateway?
  AuxAddress map[string]string AuxiliaryAddresses?
network.IPAM
  Driver string
  Options map[string]string
  Config []network.IPAMConfig
network.ConfigReference
  Network string
network.EndpointResource
  Name string
  EndpointID string
  MacAddress string
  IPv4Address string
  IPv6Address string
network.PeerInfo
  Name string
  IP string
network.Inspect
  Name string
  ID string Id
  Created time.Time
  Scope string
  Driver string
  EnableIPv4 bool
  EnableIPv6 bool
  IPAM network.IPAM
  Internal bool
  Attachable bool
  Ingress bool
  ConfigFrom network.ConfigReference
  ConfigOnly bool
  Containers map[string]network.EndpointResource
  Options map[string]string
  Labels map[string]string
  Peers []network.PeerInfo Peers?
  Services map[string]any Services?

volume.ClusterVolume
  ID string
volume.UsageData
  RefCount int64
  Size int64
volume.Volume
  ClusterVolume *volume.ClusterVolume ClusterVolume?
  CreatedAt string CreatedAt?
  Driver string
  Labels map[string]string
  Mountpoint string
  Name string
  Options map[string]string
  Scope string
  Status map[string]any Status?
  UsageData *volume.UsageData UsageData?
)";

}  // namespace gantry::cli
