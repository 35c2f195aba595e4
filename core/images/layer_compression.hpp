#pragma once

#include "images/context.hpp"

namespace gantry::images {

/// Compresses a blob into another. Blocks. `stop` may be null. Errors: not_found, invalid (it is damaged), io,
/// cancelled.
Descriptor compress_layer(const BlobStore& blobs, const Descriptor& plain, const Cancel& stop);

/// Compresses the layers of an image that came in plain (load, import, commit), from now on. Answers what is on record
/// then. The caller holds a `LayerStore::Ingest`. Errors: not_found (the image has gone meanwhile), cancelled.
awaitable<Record> compress_layers(Context& context, Record record, Cancel cancel);

}  // namespace gantry::images
