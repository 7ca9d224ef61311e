/*
 * io/weights/hf/hf_config.h - what configs beside a file of weights say of it
 *
 * Inside io/weights/: config.json and preprocessor_config.json as Hugging
 * Face's transformers and timm write them. They tell the preset, the names of
 * classes, and whether the network is one that reap does not compute.
 */
#ifndef REAP_IO_WEIGHTS_HF_HF_CONFIG_H
#define REAP_IO_WEIGHTS_HF_HF_CONFIG_H

#include <jansson.h>

#include "io/weights/weights.h"

/* config.json: timm's pretrained_cfg, label_names; id2label. REAP_EFORMAT if
 * the network is another one than its tensors show, or REAP_ENOMEM. */
int reap_hf_config(struct reap_weights *w, const json_t *config,
                   struct reap_err *err) REAP_MUST_CHECK;

/*
 * The preset of preprocessor_config.json, or of timm's pretrained_cfg, as
 * reap_preset_read() takes it. What reap cannot do is said in w->preset_note,
 * and no preset is set then.
 */
void reap_hf_preprocessor(struct reap_weights *w, const json_t *config);
void reap_timm_preset(struct reap_weights *w, const json_t *cfg);

#endif /* REAP_IO_WEIGHTS_HF_HF_CONFIG_H */
