"""Denoisers as their makers publish them. Names learned from diffusers 0.42's single-file conversions, and
checked by them: what is written here turns into that library's own model, every tensor in its shape.
"""

from __future__ import annotations

from tests.layouts.rows import Shapes, rows

Q = "attn.norm.query_norm.scale"


def flux(*, inputs: int = 64, guidance: bool = True) -> Shapes:
    w, mlp = 3072, 12288
    return rows(f"""
        img_in: {w} {inputs}
        txt_in: {w} 4096
        time_in.in_layer: {w} 256
        time_in.out_layer: {w} {w}
        vector_in.in_layer: {w} 768
        vector_in.out_layer: {w} {w}
        {f"guidance_in.in_layer: {w} 256" if guidance else ""}
        {f"guidance_in.out_layer: {w} {w}" if guidance else ""}
        {_double(19, w, mlp)}
        double_blocks.{{0-18}}.img_mod.lin: {6 * w} {w}
        double_blocks.{{0-18}}.txt_mod.lin: {6 * w} {w}
        single_blocks.{{0-37}}.linear1: {3 * w + mlp} {w}
        single_blocks.{{0-37}}.linear2: {w} {w + mlp}
        single_blocks.{{0-37}}.norm.query_norm.scale= 128
        single_blocks.{{0-37}}.norm.key_norm.scale= 128
        single_blocks.{{0-37}}.modulation.lin: {3 * w} {w}
        final_layer.linear: 64 {w}
        final_layer.adaLN_modulation.1: {2 * w} {w}
    """)


def _double(blocks: int, w: int, mlp: int) -> str:
    return "\n".join(
        f"""
        double_blocks.{{0-{blocks - 1}}}.{side}_attn.qkv: {3 * w} {w}
        double_blocks.{{0-{blocks - 1}}}.{side}_attn.norm.query_norm.scale= 128
        double_blocks.{{0-{blocks - 1}}}.{side}_attn.norm.key_norm.scale= 128
        double_blocks.{{0-{blocks - 1}}}.{side}_attn.proj: {w} {w}
        double_blocks.{{0-{blocks - 1}}}.{side}_mlp.0: {mlp} {w}
        double_blocks.{{0-{blocks - 1}}}.{side}_mlp.2: {w} {mlp}"""
        for side in ("img", "txt")
    )


def chroma() -> Shapes:
    w, mlp = 3072, 12288
    return rows(f"""
        img_in: {w} 64
        txt_in: {w} 4096
        distilled_guidance_layer.in_proj: 5120 64
        distilled_guidance_layer.out_proj: {w} 5120
        distilled_guidance_layer.layers.{{0-4}}.in_layer: 5120 5120
        distilled_guidance_layer.layers.{{0-4}}.out_layer: 5120 5120
        distilled_guidance_layer.norms.{{0-4}}.scale= 5120
        {_double(19, w, mlp)}
        single_blocks.{{0-37}}.linear1: {3 * w + mlp} {w}
        single_blocks.{{0-37}}.linear2: {w} {w + mlp}
        single_blocks.{{0-37}}.norm.query_norm.scale= 128
        single_blocks.{{0-37}}.norm.key_norm.scale= 128
        final_layer.linear: 64 {w}
    """)


def flux_2(w: int, double: int, single: int, words: int, *, guidance: bool) -> Shapes:
    mlp = 3 * w
    text = f"""
        img_in! {w} 128
        txt_in! {w} {words}
        time_in.in_layer! {w} 256
        time_in.out_layer! {w} {w}
        {f"guidance_in.in_layer! {w} 256" if guidance else ""}
        {f"guidance_in.out_layer! {w} {w}" if guidance else ""}
        double_stream_modulation_img.lin! {6 * w} {w}
        double_stream_modulation_txt.lin! {6 * w} {w}
        single_stream_modulation.lin! {3 * w} {w}
        {_double(double, w, mlp)}
        single_blocks.{{0-{single - 1}}}.linear1! {3 * w + 2 * mlp} {w}
        single_blocks.{{0-{single - 1}}}.linear2! {w} {w + mlp}
        single_blocks.{{0-{single - 1}}}.norm.query_norm.scale= 128
        single_blocks.{{0-{single - 1}}}.norm.key_norm.scale= 128
        final_layer.linear! 128 {w}
        final_layer.adaLN_modulation.1! {2 * w} {w}
    """
    shapes = rows(text)
    return {
        name: (2 * mlp, w) if name.endswith("_mlp.0.weight") else shape
        for name, shape in shapes.items()
        if not name.endswith(".bias")
    }


def sd3(w: int, blocks: int, *, positions: int, norms: bool = False, dual: int = 0) -> Shapes:
    last = blocks - 1
    found = rows(f"""
        pos_embed= 1 {positions} {w}
        x_embedder.proj: {w} 16 2 2
        t_embedder.mlp.0: {w} 256
        t_embedder.mlp.2: {w} {w}
        y_embedder.mlp.0: {w} 2048
        y_embedder.mlp.2: {w} {w}
        context_embedder: {w} 4096
        joint_blocks.{{0-{last}}}.x_block.adaLN_modulation.1: {6 * w} {w}
        joint_blocks.{{0-{last}}}.x_block.attn.qkv: {3 * w} {w}
        joint_blocks.{{0-{last}}}.x_block.attn.proj: {w} {w}
        joint_blocks.{{0-{last}}}.x_block.mlp.fc1: {4 * w} {w}
        joint_blocks.{{0-{last}}}.x_block.mlp.fc2: {w} {4 * w}
        joint_blocks.{{0-{last}}}.context_block.attn.qkv: {3 * w} {w}
        joint_blocks.{{0-{last - 1}}}.context_block.adaLN_modulation.1: {6 * w} {w}
        joint_blocks.{last}.context_block.adaLN_modulation.1: {2 * w} {w}
        joint_blocks.{{0-{last - 1}}}.context_block.attn.proj: {w} {w}
        joint_blocks.{{0-{last - 1}}}.context_block.mlp.fc1: {4 * w} {w}
        joint_blocks.{{0-{last - 1}}}.context_block.mlp.fc2: {w} {4 * w}
        final_layer.linear: 64 {w}
        final_layer.adaLN_modulation.1: {2 * w} {w}
    """)
    if norms:
        for side in ("x_block", "context_block"):
            found |= rows(f"joint_blocks.{{0-{last}}}.{side}.attn.ln_q! 64")
            found |= rows(f"joint_blocks.{{0-{last}}}.{side}.attn.ln_k! 64")
    if dual:
        found |= rows(f"""
            joint_blocks.{{0-{dual - 1}}}.x_block.attn2.qkv: {3 * w} {w}
            joint_blocks.{{0-{dual - 1}}}.x_block.attn2.proj: {w} {w}
            joint_blocks.{{0-{dual - 1}}}.x_block.attn2.ln_q! 64
            joint_blocks.{{0-{dual - 1}}}.x_block.attn2.ln_k! 64
            joint_blocks.{{0-{dual - 1}}}.x_block.adaLN_modulation.1: {9 * w} {w}
        """)
    return found


def auraflow() -> Shapes:
    w, mlp = 3072, 8192
    mlps = "\n".join(
        f"""
        {block}.c_fc1! {mlp} {w}
        {block}.c_fc2! {mlp} {w}
        {block}.c_proj! {w} {mlp}"""
        for block in ("double_layers.{0-3}.mlpX", "double_layers.{0-3}.mlpC", "single_layers.{0-31}.mlp")
    )
    joint = "\n".join(f"double_layers.{{0-3}}.attn.w{n}{k}! {w} {w}" for n in "12" for k in "qkvo")
    single = "\n".join(f"single_layers.{{0-31}}.attn.w1{k}! {w} {w}" for k in "qkvo")
    return rows(f"""
        register_tokens= 1 8 {w}
        positional_encoding= 1 1024 {w}
        cond_seq_linear! {w} 2048
        init_x_linear: {w} 16
        t_embedder.mlp.0: {w} 256
        t_embedder.mlp.2: {w} {w}
        {mlps}
        {joint}
        {single}
        double_layers.{{0-3}}.modX.1! {6 * w} {w}
        double_layers.{{0-3}}.modC.1! {6 * w} {w}
        single_layers.{{0-31}}.modCX.1! {6 * w} {w}
        modF.1! {2 * w} {w}
        final_linear! 16 {w}
    """)


def lumina_2() -> Shapes:
    w = 2304
    return _lumina(w, 3840, 9216, 96, 26, 1024, "layers.{0-25}.adaLN_modulation.1", 4 * w, 2304)


def z_image() -> Shapes:
    return _lumina(
        3840, 3 * 3840, 10240, 128, 30, 256, "layers.{0-29}.adaLN_modulation.0", 4 * 3840, 2560
    ) | rows("x_pad_token= 1 3840\ncap_pad_token= 1 3840")


def _lumina(
    w: int, qkv: int, mlp: int, head: int, blocks: int, time: int, mod: str, mods: int, words: int
) -> Shapes:
    text = ""
    for block in ("noise_refiner.{0-1}", "context_refiner.{0-1}", f"layers.{{0-{blocks - 1}}}"):
        text += f"""
        {block}.attention.qkv! {qkv} {w}
        {block}.attention.out! {w} {w}
        {block}.attention.q_norm! {head}
        {block}.attention.k_norm! {head}
        {block}.feed_forward.w1! {mlp} {w}
        {block}.feed_forward.w2! {w} {mlp}
        {block}.feed_forward.w3! {mlp} {w}
        {block}.attention_norm1! {w}
        {block}.attention_norm2! {w}
        {block}.ffn_norm1! {w}
        {block}.ffn_norm2! {w}"""
    narrow = 1024 if time == 1024 else 256
    return rows(f"""{text}
        {mod}: {mods} {narrow}
        {mod.replace(mod.partition(".adaLN")[0], "noise_refiner.{0-1}")}: {mods} {narrow}
        x_embedder: {w} 64
        t_embedder.mlp.0: 1024 256
        t_embedder.mlp.2: {narrow} 1024
        cap_embedder.0! {words}
        cap_embedder.1: {w} {words}
        final_layer.linear: 64 {w}
        final_layer.adaLN_modulation.1: {w} {narrow}
    """)


def pixart_sigma(*, words: int = 300, sizes: bool = False) -> Shapes:
    w = 1152
    found = rows(f"""
        pos_embed= 1 16384 {w}
        x_embedder.proj: {w} 4 2 2
        t_embedder.mlp.0: {w} 256
        t_embedder.mlp.2: {w} {w}
        t_block.1: {6 * w} {w}
        y_embedder.y_embedding= {words} 4096
        y_embedder.y_proj.fc1: {w} 4096
        y_embedder.y_proj.fc2: {w} {w}
        blocks.{{0-27}}.scale_shift_table= 6 {w}
        blocks.{{0-27}}.attn.qkv: {3 * w} {w}
        blocks.{{0-27}}.attn.proj: {w} {w}
        blocks.{{0-27}}.cross_attn.q_linear: {w} {w}
        blocks.{{0-27}}.cross_attn.kv_linear: {2 * w} {w}
        blocks.{{0-27}}.cross_attn.proj: {w} {w}
        blocks.{{0-27}}.mlp.fc1: {4 * w} {w}
        blocks.{{0-27}}.mlp.fc2: {w} {4 * w}
        final_layer.scale_shift_table= 2 {w}
        final_layer.linear: 32 {w}
    """)
    if sizes:
        for name in ("csize_embedder", "ar_embedder"):
            found |= rows(f"{name}.mlp.0: 384 256\n{name}.mlp.2: 384 384")
    return found


def sana() -> Shapes:
    w, mlp = 2240, 5600
    return rows(f"""
        pos_embed= 1 1024 {w}
        x_embedder.proj: {w} 32 1 1
        t_embedder.mlp.0: {w} 256
        t_embedder.mlp.2: {w} {w}
        t_block.1: {6 * w} {w}
        y_embedder.y_embedding= 300 2304
        y_embedder.y_proj.fc1: {w} 2304
        y_embedder.y_proj.fc2: {w} {w}
        attention_y_norm! {w}
        blocks.{{0-19}}.scale_shift_table= 6 {w}
        blocks.{{0-19}}.attn.qkv! {3 * w} {w}
        blocks.{{0-19}}.attn.proj: {w} {w}
        blocks.{{0-19}}.cross_attn.q_linear: {w} {w}
        blocks.{{0-19}}.cross_attn.kv_linear: {2 * w} {w}
        blocks.{{0-19}}.cross_attn.proj: {w} {w}
        blocks.{{0-19}}.mlp.inverted_conv.conv: {2 * mlp} {w} 1 1
        blocks.{{0-19}}.mlp.depth_conv.conv: {2 * mlp} 1 3 3
        blocks.{{0-19}}.mlp.point_conv.conv! {w} {mlp} 1 1
        final_layer.scale_shift_table= 2 {w}
        final_layer.linear: 32 {w}
    """)
