#include "registry.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

namespace gantry::e2e {

namespace fs = std::filesystem;

namespace {

// A CA, a certificate for the registry and one for its client, by the openssl command: the test plays the operator
// here.
void make_certificates(const fs::path& folder, const std::string& address) {
  const std::string sign = " -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 2>&1";
  const Result made = shell(
      "cd " + folder.string() +
      " && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.crt 2>&1"
      " && openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>&1"
      " && printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:" +
      address + "\\n' >ext && openssl x509 -req -in server.csr -extfile ext -out server.crt" + sign +
      " && mkdir certificates"
      " && openssl req -newkey rsa:2048 -nodes -subj /CN=client -keyout certificates/client.key -out client.csr 2>&1"
      " && openssl x509 -req -in client.csr -out certificates/client.cert" +
      sign + " && cp ca.crt certificates/");
  ASSERT_EQ(made.code, 0) << made.out;
}

}  // namespace

Registry::Registry(Options options) : options_(options) {
  std::string pattern = (fs::temp_directory_path() / "gantry-registry-XXXXXX").string();
  root_ = ::mkdtemp(pattern.data());
  if (options_.tls) make_certificates(root_, options_.address);
  std::ofstream config{root_ / "config.yml"};
  config << "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: "
         << (root_ / "data").string() << "}, delete: {enabled: true}}\nhttp:\n  addr: " << options_.address << ":"
         << options_.port << "\n";
  if (options_.tls) {
    config << "  tls: {certificate: " << (root_ / "server.crt").string()
           << ", key: " << (root_ / "server.key").string();
    if (options_.client_certificate) config << ", clientcas: [" << ca().string() << "]";
    config << "}\n";
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
  const std::string client = certificates() / "client";
  const std::string shown = options_.tls ? " --cert " + client + ".cert --key " + client + ".key" : "";
  const Result ready =
      shell("curl -sk" + shown + " -o /dev/null --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 20 " +
            scheme + "://" + host() + "/v2/");
  EXPECT_EQ(ready.code, 0) << "the registry does not answer: " << process_->output();
}

void Registry::push(const fs::path& layout, const std::string& name) {
  const std::string login = options_.password ? " --dest-creds alice:secret" : "";
  const std::string shown = options_.tls ? " --dest-cert-dir " + certificates().string() : "";
  const Result pushed = shell("skopeo copy -q --insecure-policy --dest-tls-verify=false" + login + shown +
                              " oci:" + layout.string() + " docker://" + host() + "/" + name);
  ASSERT_EQ(pushed.code, 0) << pushed.err;
}

}  // namespace gantry::e2e
