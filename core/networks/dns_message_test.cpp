#include "networks/dns_message.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gantry::networks::dns {
namespace {

/// A query as a stub resolver sends it.
Bytes query_for(const std::vector<std::string>& labels, std::uint16_t type, bool edns = false) {
  Bytes out{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(edns ? 1 : 0)};
  for (const std::string& label : labels) {
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
  }
  out.insert(out.end(), {0, static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0, 1});
  if (edns) out.insert(out.end(), {0, 0, 41, 0x10, 0x00, 0, 0, 0, 0, 0, 0});
  return out;
}

TEST(DnsMessage, ReadsAQuestion) {
  const Bytes message = query_for({"Web", "net"}, 1);
  const auto query = parse_query(message);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_EQ(query->name, "web.net");
  EXPECT_EQ(query->type, 1);
  EXPECT_EQ(query->question_end, message.size());
  EXPECT_EQ(query->udp_limit, 512U);
  EXPECT_TRUE(query->recursion_desired);
  EXPECT_EQ(parse_query(query_for({"web"}, 28, true))->udp_limit, 4096U);
}

TEST(DnsMessage, AnswersWithAddresses) {
  const Bytes message = query_for({"web"}, 1);
  const auto query = parse_query(message).value();
  const Bytes answer = address_answer(message, query, {"172.18.0.2", "172.18.0.3"});
  EXPECT_TRUE(answers(answer, message));
  EXPECT_EQ(answer[7], 2);
  const Bytes last(answer.end() - 4, answer.end());
  EXPECT_EQ(last, (Bytes{172, 18, 0, 3}));
  EXPECT_FALSE(answers(answer, query_for({"other"}, 1)));
  EXPECT_FALSE(answers(answer, query_for({"web"}, 28)));
}

TEST(DnsMessage, CutsWhatDoesNotFit) {
  const Bytes message = query_for({"web"}, 1);
  const auto query = parse_query(message).value();
  const Bytes answer = address_answer(message, query, std::vector<std::string>(100, "172.18.0.2"));
  const Bytes cut = fit(answer, query.question_end, query.udp_limit);
  EXPECT_LE(cut.size(), 512U);
  EXPECT_TRUE(is_truncated(cut));
  EXPECT_TRUE(answers(cut, message));
  EXPECT_EQ(fit(answer, query.question_end, 65535), answer);
}

TEST(DnsMessage, KnowsReverseNames) {
  EXPECT_EQ(reverse_address("2.0.18.172.in-addr.arpa"), "172.18.0.2");
  EXPECT_EQ(reverse_address("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.0.0.d.f.ip6.arpa"), "fd00:9::2");
  for (const char* name : {"", "in-addr.arpa", "1.2.3.in-addr.arpa", "256.0.0.1.in-addr.arpa", "x.ip6.arpa", "web"}) {
    EXPECT_FALSE(reverse_address(name)) << name;
  }
}

TEST(DnsMessage, RefusesWhatIsNoQuestion) {
  const Bytes good = query_for({"web"}, 1);
  Bytes response = good;
  response[2] |= 0x80;
  EXPECT_FALSE(parse_query(response));
  EXPECT_FALSE(parse_id(response));
  Bytes two = good;
  two[5] = 2;
  EXPECT_FALSE(parse_query(two));
  Bytes pointer = good;
  pointer[12] = 0xc0;
  EXPECT_FALSE(parse_query(pointer)) << "a question that points to itself";
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_query(View(good.data(), size))) << size;
  }
  EXPECT_FALSE(parse_query(query_for(std::vector<std::string>(10, std::string(63, 'a')), 1)))
      << "longer than a name can be";
  EXPECT_FALSE(parse_query(query_for({"a.b"}, 1))) << "a dot inside of a label";
}

TEST(DnsMessage, SurvivesRandomBytes) {
  std::mt19937 random(1);
  const Bytes seed = query_for({"web", "net"}, 1, true);
  for (int round = 0; round < 20000; ++round) {
    Bytes message = seed;
    for (int i = 0; i < 4; ++i) message[random() % message.size()] = static_cast<std::uint8_t>(random());
    message.resize(random() % (message.size() + 1));
    const auto query = parse_query(message);
    static_cast<void>(answers(seed, message));
    static_cast<void>(answers(message, seed));
    if (!query) continue;
    EXPECT_TRUE(answers(empty_answer(message, *query, Rcode::name_error), message));
    static_cast<void>(reverse_address(query->name));
  }
}

}  // namespace
}  // namespace gantry::networks::dns
