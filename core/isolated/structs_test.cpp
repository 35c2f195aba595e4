// Every member of every struct travels: what grows in plugin-api and not here is found out.

#include "isolated/structs.hpp"

#include <gtest/gtest.h>

#include <boost/pfr.hpp>

#include "isolated/builder_structs.hpp"
#include "isolated/message.hpp"
#include "isolated/runtime_structs.hpp"

namespace gantry::isolated {
namespace {

int next_number() {
  static int number = 0;
  return ++number % 100 + 1;
}

template <class T>
void fill(T& value);

// Not UTF-8, as paths may be.
void fill(std::string& text) { text = "text \xff\xfe " + std::to_string(next_number()); }

void fill(bool& truth) { truth = !truth; }

template <class T>
void fill(std::optional<T>& optional) {
  fill(optional.emplace());
}

template <class A, class B>
void fill(std::pair<A, B>& pair) {
  fill(pair.first);
  fill(pair.second);
}

template <class T>
void fill(std::vector<T>& list) {
  list.resize(2);
  for (T& each : list) fill(each);
}

void fill(Options& options) {
  for (int n = 0; n < 2; ++n) {
    std::string name;
    fill(name);
    fill(options[name]);
  }
}

template <class T>
void fill(T& value) {
  if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(static_cast<int>(value) + 1);
  } else if constexpr (std::is_integral_v<T>) {
    value = static_cast<T>(value + next_number());
  } else {
    boost::pfr::for_each_field(value, [](auto& member) { fill(member); });
  }
}

template <class T>
class Structs : public ::testing::Test {};

using All = ::testing::Types<
    OptionInfo, Mount, Progress, volume::v1::Volume, volume::v1::Usage, storage::v1::AppliedLayer, storage::v1::Usage,
    storage::v1::PrepareOptions, storage::v1::Holdings, storage::v1::Change, network::v1::Pool,
    network::v1::NetworkSpec, network::v1::Network, network::v1::Port, network::v1::EndpointSpec, network::v1::Endpoint,
    network::v1::Endpoints, network::v1::Holdings, ipam::v1::NetworkRequest, ipam::v1::EndpointRequest,
    ipam::v1::Addresses, ipam::v1::Holdings, registry::v1::Repository, registry::v1::Credentials,
    registry::v1::Descriptor, registry::v1::Manifest, registry::v1::SearchResult, log::v1::Subject, log::v1::Plan,
    log::v1::Entry, log::v1::ReadRequest, runtime::v1::Rlimit, runtime::v1::Device, runtime::v1::DeviceRule,
    runtime::v1::DeviceRate, runtime::v1::Resources, runtime::v1::Process, runtime::v1::Stdio, runtime::v1::Namespace,
    runtime::v1::IdMap, runtime::v1::Spec, runtime::v1::ExitStatus, runtime::v1::ExecSpec, runtime::v1::BlkioEntry,
    runtime::v1::InterfaceStats, runtime::v1::Stats, builder::v1::HealthCheck, builder::v1::Config, builder::v1::Image,
    builder::v1::Step, builder::v1::ContainerSpec, builder::v1::StepReport, builder::v1::Material,
    builder::v1::TracedStep, builder::v1::Reader, builder::v1::Request, builder::v1::Usage, builder::v1::CacheRecord>;
TYPED_TEST_SUITE(Structs, All);

TYPED_TEST(Structs, TravelWhole) {
  TypeParam full{};
  fill(full);
  const Json message = full;
  EXPECT_EQ(message.size(), boost::pfr::tuple_size_v<TypeParam>) << "a member is missing: " << message.size();
  const Json empty = TypeParam{};
  for (const auto& [name, value] : message.items()) EXPECT_NE(value, empty[name]) << name << " was not filled";
  const auto back = unpack(pack(message)).template get<TypeParam>();
  EXPECT_EQ(Json(back), message);
}

TYPED_TEST(Structs, AreRefusedWithoutAMember) {
  const Json message = TypeParam{};
  for (const auto& [name, value] : message.items()) {
    Json torn = message;
    torn.erase(name);
    EXPECT_THROW(torn.template get<TypeParam>(), Json::exception) << name;
    torn[name] = Json::array({Json::object({{"x", 1}})});
    EXPECT_THROW(torn.template get<TypeParam>(), Json::exception) << name;
  }
}

}  // namespace
}  // namespace gantry::isolated
