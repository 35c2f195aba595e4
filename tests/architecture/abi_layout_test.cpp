// What crosses between a driver and the daemon lies in memory as it did when it was first released: a struct that
// others hold by value is frozen, the others only grow at their end. Figures of libstdc++ on 64-bit machines, as of
// interfaces 1.0.

#include <cstddef>

#include <gtest/gtest.h>

#include "gantry/builder.hpp"
#include "gantry/ipam.hpp"
#include "gantry/log.hpp"
#include "gantry/network.hpp"
#include "gantry/registry.hpp"
#include "gantry/runtime.hpp"
#include "gantry/storage.hpp"

#ifdef __x86_64__

namespace gantry {
namespace {

template <class Struct, class Member>
std::ptrdiff_t offset_of(Member Struct::*member) {
  const Struct whole{};
  return reinterpret_cast<const char*>(&(whole.*member)) - reinterpret_cast<const char*>(&whole);
}

TEST(AbiLayout, FrozenStructsKeepTheirSize) {
  EXPECT_EQ(sizeof(Mount), 152U);
  EXPECT_EQ(sizeof(OptionInfo), 104U);
  EXPECT_EQ(sizeof(Progress), 80U);
  EXPECT_EQ(sizeof(builder::v1::HealthCheck), 64U);
  EXPECT_EQ(sizeof(builder::v1::Config), 392U);
  EXPECT_EQ(sizeof(log::v1::Plan), 256U);
  EXPECT_EQ(sizeof(log::v1::Entry), 120U);
  EXPECT_EQ(sizeof(network::v1::Pool), 120U);
  EXPECT_EQ(sizeof(network::v1::Port), 80U);
  EXPECT_EQ(sizeof(network::v1::Endpoints), 56U);
  EXPECT_EQ(sizeof(registry::v1::SearchResult), 80U);
  EXPECT_EQ(sizeof(runtime::v1::Rlimit), 48U);
  EXPECT_EQ(sizeof(runtime::v1::Device), 72U);
  EXPECT_EQ(sizeof(runtime::v1::DeviceRule), 56U);
  EXPECT_EQ(sizeof(runtime::v1::DeviceRate), 40U);
  EXPECT_EQ(sizeof(runtime::v1::Resources), 360U);
  EXPECT_EQ(sizeof(runtime::v1::Process), 296U);
  EXPECT_EQ(sizeof(runtime::v1::Stdio), 56U);
  EXPECT_EQ(sizeof(runtime::v1::Namespace), 64U);
  EXPECT_EQ(sizeof(runtime::v1::IdMap), 12U);
  EXPECT_EQ(sizeof(runtime::v1::BlkioEntry), 56U);
  EXPECT_EQ(sizeof(runtime::v1::InterfaceStats), 96U);
  EXPECT_EQ(sizeof(storage::v1::Change), 40U);
}

TEST(AbiLayout, StructsThatGrowKeepWhatTheyHad) {
  EXPECT_EQ(offset_of(&runtime::v1::Spec::init_path), 1144);
  EXPECT_EQ(offset_of(&runtime::v1::Spec::log_attributes), 1176);
  EXPECT_EQ(offset_of(&runtime::v1::Spec::log), 1208);
  EXPECT_EQ(offset_of(&runtime::v1::ExecSpec::privileged), 331);
  EXPECT_EQ(offset_of(&log::v1::Subject::directory), 264);
  EXPECT_EQ(offset_of(&log::v1::ReadRequest::until), 32);
  EXPECT_EQ(offset_of(&network::v1::EndpointSpec::link_local), 336);
  EXPECT_EQ(offset_of(&network::v1::Endpoint::ports), 176);
  EXPECT_EQ(offset_of(&network::v1::Endpoint::interface), 200);
  EXPECT_EQ(offset_of(&network::v1::Network::no_way_out), 56);
  EXPECT_EQ(offset_of(&network::v1::NetworkSpec::ipv4), 138);
  EXPECT_EQ(offset_of(&network::v1::NetworkSpec::unaddressed), 139);
  EXPECT_EQ(offset_of(&network::v1::NetworkSpec::leased), 168);
  EXPECT_EQ(offset_of(&ipam::v1::NetworkRequest::taken), 192);
  EXPECT_EQ(offset_of(&ipam::v1::EndpointRequest::ipv6), 192);
  EXPECT_EQ(offset_of(&ipam::v1::Addresses::ipv6), 32);
  EXPECT_EQ(offset_of(&registry::v1::Repository::path), 32);
  EXPECT_EQ(offset_of(&registry::v1::Descriptor::urls), 72);
  EXPECT_EQ(offset_of(&builder::v1::ContainerSpec::network), 448);
  EXPECT_EQ(offset_of(&builder::v1::Request::force_remove), 203);
  EXPECT_EQ(offset_of(&runtime::v1::Stats::interfaces), 208);
  EXPECT_EQ(offset_of(&builder::v1::Step::config), 32);
}

}  // namespace
}  // namespace gantry

#endif
