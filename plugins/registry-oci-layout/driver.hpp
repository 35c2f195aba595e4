#pragma once

#include "gantry/registry.hpp"

namespace oci_layout {

/// Images in directories of the host's. `Repository::path` is the directory.
class Driver final : public gantry::registry::v1::Driver {
 public:
  void capabilities(gantry::Capabilities& out) const override;
  void options(std::vector<gantry::OptionInfo>& out) const override;
  void open(gantry::Host& host) override;

  void get_manifest(const gantry::registry::v1::Repository& repository, const std::string& reference,
                    const gantry::registry::v1::Credentials& credentials, gantry::registry::v1::Manifest& out,
                    const gantry::Call& call) override;
  void get_blob(const gantry::registry::v1::Repository& repository, const gantry::registry::v1::Descriptor& blob,
                std::uint64_t offset, const gantry::registry::v1::Credentials& credentials, gantry::ByteSink& sink,
                const gantry::Call& call) override;
  bool has_blob(const gantry::registry::v1::Repository& repository, const gantry::registry::v1::Descriptor& blob,
                const gantry::registry::v1::Credentials& credentials, const gantry::Call& call) override;
  bool put_blob(const gantry::registry::v1::Repository& repository, const gantry::registry::v1::Descriptor& blob,
                const std::vector<std::string>& mount_from, const gantry::registry::v1::Credentials& credentials,
                gantry::ByteSource& source, const gantry::Call& call) override;
  void put_manifest(const gantry::registry::v1::Repository& repository, const std::string& reference,
                    const gantry::registry::v1::Manifest& manifest,
                    const gantry::registry::v1::Credentials& credentials, const gantry::Call& call) override;
  void list_tags(const gantry::registry::v1::Repository& repository,
                 const gantry::registry::v1::Credentials& credentials, std::vector<std::string>& out,
                 const gantry::Call& call) override;
  void login(const std::string& host, const gantry::registry::v1::Credentials& credentials, std::string& identity_token,
             const gantry::Call& call) override;
  void search(const std::string& host, const std::string& term, int limit,
              const gantry::registry::v1::Credentials& credentials,
              std::vector<gantry::registry::v1::SearchResult>& out, const gantry::Call& call) override;
};

}  // namespace oci_layout
