/** What names in files of Keras tell. */

/** Networks of Keras, known by the names of their layers and models. */
const NETWORKS: readonly (readonly [network: string, names: RegExp])[] = [
  ["InceptionResNetV2", /^(inception_resnet_v2|block(35|17|8)_\d|conv_7b)/],
  ["Xception", /^(xception|block\d+_sepconv)/],
  ["ResNet", /^(resnet|res\d[a-z]_branch|conv\d_block\d+_0_conv)/],
  ["DenseNet", /^(densenet|pool\d_conv|conv\d_block\d+_\d_conv)/],
  ["VGG", /^(vgg|block\d_conv\d)/],
  ["EfficientNet", /^(efficientnet|block\d[a-z]_|stem_conv)/],
  ["MobileNet", /^(mobilenet|conv_[dp]w_\d|expanded_conv|Conv_1$)/i],
  ["NASNet", /^(nasnet|(normal|reduction)_)/i],
  ["ConvNeXt", /^convnext/],
  ["RegNet", /^regnet/],
  ["a vision transformer", /^(vit|transformer|encoder_?block|multi_head_attention)/i],
];

/** The network that names are of, as far as it is known here. */
export function looksLike(names: readonly string[]): string | undefined {
  return NETWORKS.find(([, pattern]) => names.some((name) => pattern.test(name)))?.[0];
}

/** A name in parts: `conv2d_5` is of `conv2d` and number 5, the first of them is `conv2d` alone. */
export function nameParts(name: string): { base: string; n: number } {
  const [, base = "", n] = /^(.*?)(?:_(\d+))?$/s.exec(name)!;
  return { base, n: Number(n ?? 0) };
}
