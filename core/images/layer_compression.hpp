#pragma once

#include "images/compressing_sink.hpp"
#include "images/context.hpp"

namespace gantry::images {

/// Puts a blob into another form, if need be. Blocks. `stop` may be null. Errors: not_found, invalid (it is damaged),
/// io, cancelled.
Descriptor form_layer(const BlobStore& blobs, const Descriptor& layer, const LayerForm& form, const Cancel& stop);

/// Does so with the layers of an image, from now on: with those that came in plain (load, import, commit), and with all
/// if the form is for every layer. Answers what is on record then. The caller holds a `LayerStore::Ingest`. Errors:
/// not_found (the image has gone meanwhile), cancelled.
awaitable<Record> form_layers(Context& context, Record record, LayerForm form, Cancel cancel);

}  // namespace gantry::images
