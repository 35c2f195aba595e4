#include "table_watch.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "gantry/error.hpp"

namespace gantry::bridge {
namespace {

constexpr std::size_t kMessages = std::size_t{64} << 10;  ///< No notification is larger.

UniqueFd open_notifications() {
  UniqueFd sock(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  const int group = NFNLGRP_NFTABLES;
  // A socket that has no port yet is left out: the kernel takes it for the sender's.
  sockaddr_nl any{};
  any.nl_family = AF_NETLINK;
  if (!sock || ::bind(sock.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
      ::setsockopt(sock.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    throw Error{Errc::io, std::string("listen to nftables: ") + std::strerror(errno)};
  }
  return sock;
}

bool takes_away(std::uint16_t type) {
  if (NFNL_SUBSYS_ID(type) != NFNL_SUBSYS_NFTABLES) return false;
  switch (NFNL_MSG_TYPE(type)) {
    case NFT_MSG_DELTABLE:
    case NFT_MSG_DELCHAIN:
    case NFT_MSG_DELRULE:
    case NFT_MSG_DELSET:
      return true;
    default:
      return false;
  }
}

/// All but the end of a transaction.
bool is_about_a_table(std::uint16_t type) {
  return NFNL_SUBSYS_ID(type) == NFNL_SUBSYS_NFTABLES && NFNL_MSG_TYPE(type) != NFT_MSG_NEWGEN;
}

/// The content of an attribute; none if the message has none of the type.
std::optional<std::string_view> attribute_of(const nlmsghdr& message, int type) {
  const char* at = static_cast<const char*>(NLMSG_DATA(&message)) + NLMSG_ALIGN(sizeof(nfgenmsg));
  const char* end = reinterpret_cast<const char*>(&message) + message.nlmsg_len;
  while (end - at >= static_cast<std::ptrdiff_t>(sizeof(nlattr))) {
    nlattr attribute{};
    std::memcpy(&attribute, at, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > end - at) break;
    if ((attribute.nla_type & NLA_TYPE_MASK) == type) {
      return std::string_view(at + sizeof attribute, attribute.nla_len - sizeof attribute);
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  return {};
}

/// The table that a message is about: the same attribute in all of those that count here.
std::string_view table_of(const nlmsghdr& message) {
  constexpr int kTableName = NFTA_TABLE_NAME;
  static_assert(kTableName == int{NFTA_RULE_TABLE} && kTableName == int{NFTA_CHAIN_TABLE} &&
                kTableName == int{NFTA_SET_TABLE});
  const std::string_view text = attribute_of(message, kTableName).value_or("");
  return text.substr(0, text.find('\0'));
}

/// Only where the kernel hands packets in can a chain be in anybody's way.
bool is_new_base_chain(const nlmsghdr& message) {
  return NFNL_MSG_TYPE(message.nlmsg_type) == NFT_MSG_NEWCHAIN && attribute_of(message, NFTA_CHAIN_HOOK).has_value();
}

/// A dump of the table's rules is asked for.
struct RuleQuestion {
  nlmsghdr header{};
  nfgenmsg family{};
  nlattr attribute{};
  char table[NFT_TABLE_MAXNAMELEN]{};
};

RuleQuestion ask_for_rules(const std::string& table, TableFamily family) {
  RuleQuestion question;
  if (table.size() >= sizeof question.table) throw Error{Errc::invalid, "nftables: table " + table};
  std::memcpy(question.table, table.c_str(), table.size() + 1);
  question.attribute.nla_type = NFTA_RULE_TABLE;
  question.attribute.nla_len = static_cast<std::uint16_t>(sizeof question.attribute + table.size() + 1);
  question.family.nfgen_family = family == TableFamily::inet ? NFPROTO_INET : NFPROTO_BRIDGE;
  question.header.nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETRULE;
  question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.header.nlmsg_len =
      static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof question.family) + NLA_ALIGN(question.attribute.nla_len));
  return question;
}

}  // namespace

int count_rules(const std::string& table, TableFamily family) {
  const UniqueFd sock(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  const RuleQuestion question = ask_for_rules(table, family);
  if (!sock || ::send(sock.get(), &question, question.header.nlmsg_len, 0) < 0) {
    throw Error{Errc::io, std::string("nftables: ") + std::strerror(errno)};
  }
  const auto buffer = std::make_unique_for_overwrite<char[]>(kMessages);
  int count = 0;
  while (true) {
    const ssize_t got = ::recv(sock.get(), buffer.get(), kMessages, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Error{Errc::io, std::string("nftables: ") + std::strerror(errno)};
    auto left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.get()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      // There is no table, or it has changed under the dump: what calls this is told of that change, too.
      if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) return count;
      if (message->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWRULE)) ++count;
    }
  }
}

TableWatch::TableWatch(std::string table, std::function<void(Change)> changed)
    : table_(std::move(table)),
      changed_(std::move(changed)),
      socket_(open_notifications()),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw Error{Errc::io, std::string("eventfd: ") + std::strerror(errno)};
  thread_ = std::thread([this] { serve(); });
}

TableWatch::~TableWatch() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void TableWatch::serve() {
  changed_({false, false, true});
  while (true) {
    pollfd ready[] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    const Change change = take_messages();
    if (change.ours || change.others) changed_(change);
  }
}

/// All that wait.
TableWatch::Change TableWatch::take_messages() {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kMessages);
  Change change;
  while (true) {
    const ssize_t got = ::recv(socket_.get(), buffer.get(), kMessages, MSG_DONTWAIT);
    if (got < 0 && errno == ENOBUFS) {
      change = {true, true, true};  // some were lost
      continue;
    }
    if (got <= 0) return change;
    auto left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.get()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (!is_about_a_table(message->nlmsg_type)) continue;
      const bool ours = table_of(*message) == table_;
      change.ours = change.ours || (ours && takes_away(message->nlmsg_type));
      change.others = change.others || !ours;
      change.chains = change.chains || (!ours && is_new_base_chain(*message));
    }
  }
}

}  // namespace gantry::bridge
