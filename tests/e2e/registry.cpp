#include "registry.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

namespace gantry::e2e {

namespace fs = std::filesystem;

namespace {

// A CA and a certificate for localhost, by the openssl command: the test plays the operator here.
void make_certificates(const fs::path& folder) {
  const Result made =
      shell("cd " + folder.string() +
            " && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.crt 2>&1"
            " && openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>&1"
            " && printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >ext"
            " && openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out "
            "server.crt 2>&1");
  ASSERT_EQ(made.code, 0) << made.out;
}

}  // namespace

Registry::Registry(Options options) : options_(options) {
  std::string pattern = (fs::temp_directory_path() / "gantry-registry-XXXXXX").string();
  root_ = ::mkdtemp(pattern.data());
  if (options_.tls) make_certificates(root_);
  std::ofstream config{root_ / "config.yml"};
  config << "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: "
         << (root_ / "data").string() << "}, delete: {enabled: true}}\nhttp:\n  addr: 127.0.0.1:" << options_.port
         << "\n";
  if (options_.tls) {
    config << "  tls: {certificate: " << (root_ / "server.crt").string() << ", key: " << (root_ / "server.key").string()
           << "}\n";
  }
  if (options_.password) {
    const Result line = shell("htpasswd -nbB alice secret");
    std::ofstream{root_ / "htpasswd"} << line.out;
    config << "auth: {htpasswd: {realm: test, path: " << (root_ / "htpasswd").string() << "}}\n";
  }
  config.close();
  start();
}

Registry::~Registry() {
  stop();
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void Registry::stop() { process_.reset(); }

void Registry::start() {
  const char* given = std::getenv("GANTRY_TEST_REGISTRY");
  const std::string registry = given == nullptr ? "docker-registry" : given;
  process_ = std::make_unique<Background>("exec " + registry + " serve " + (root_ / "config.yml").string(),
                                          Environment{}, false);
  const std::string scheme = options_.tls ? "https" : "http";
  const Result ready =
      shell("curl -sk -o /dev/null --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 20 " + scheme +
            "://" + host() + "/v2/");
  EXPECT_EQ(ready.code, 0) << "the registry does not answer: " << process_->output();
}

void Registry::push(const fs::path& layout, const std::string& name) {
  const std::string login = options_.password ? " --dest-creds alice:secret" : "";
  const Result pushed = shell("skopeo copy -q --insecure-policy --dest-tls-verify=false" + login +
                              " oci:" + layout.string() + " docker://" + host() + "/" + name);
  ASSERT_EQ(pushed.code, 0) << pushed.err;
}

}  // namespace gantry::e2e
